# The C types of spanview.py, for Cython; the interpreter never reads this.
cimport cython

from wasm_sdk.otlp.wire cimport delimited, i64, skip, u64, varint, varint32
from wasm_sdk.rules.slots cimport Slots

cdef bint _COMPILED
cdef int _ABSENT, _EMPTY, _STRING, _BOOL, _INT, _DOUBLE, _FIXED, _LIST, _MAP, _BYTES
cdef int _FIELDS

cdef i64 _int32(u64 number) noexcept
cdef Py_ssize_t _within(Py_ssize_t stop, Py_ssize_t end) except -1

cdef class SpanView(Slots):
    cdef long long[::1] span_fields
    cdef list _keys, _tables, _fields
    cdef dict span_keys
    cdef const unsigned char[::1] span_table
    cdef const unsigned char[::1] _letters
    cdef long long[::1] _starts
    cdef Py_ssize_t _first_key
    cdef readonly Py_ssize_t resource_start, resource_stop, scope_start, scope_stop, start, stop
    cdef readonly i64 resource_generation, scope_generation, generation

    cpdef int open_resource(self, bytes data, Py_ssize_t pos, Py_ssize_t end) except -1
    cpdef int open_scope(self, bytes data, Py_ssize_t pos, Py_ssize_t end) except -1
    cpdef int open_span(self, bytes data, Py_ssize_t pos, Py_ssize_t end) except -1
    @cython.locals(
        octets="const unsigned char[::1]", kinds="long long[::1]", at="long long[::1]", fields="long long[::1]",
        table="const unsigned char[::1]", tag=i64, size=i64, key_size=i64, slot=i64, wire=int, number=u64,
        candidate=int,
    )
    cdef int _scan(self, bytes data, Py_ssize_t pos, Py_ssize_t end) except -1
    @cython.locals(trace=i64, span=i64)
    cdef int _ids(self, Py_ssize_t pos) except -1
    @cython.locals(
        octets="const unsigned char[::1]", slot=Py_ssize_t, first=Py_ssize_t, last=Py_ssize_t, index=Py_ssize_t,
        tag=int, size=int,
    )
    cdef bint _plain(self, Py_ssize_t pos, Py_ssize_t key_stop, Py_ssize_t end, int candidate) except -1
    @cython.locals(code=i64, message=i64, tag=i64, number=u64, stop=Py_ssize_t)
    cdef int _status(self, bytes data, Py_ssize_t pos, Py_ssize_t end) except -1
    @cython.locals(schema=i64, tag=i64, stop=Py_ssize_t)
    cdef int _outer(self, bytes data, Py_ssize_t pos, Py_ssize_t end, int section) except -1
    @cython.locals(fields="long long[::1]", keys=dict, attributes=int, tag=i64, slot=i64, number=u64, stop=Py_ssize_t)
    cdef int _inner(self, bytes data, Py_ssize_t pos, Py_ssize_t end, int section) except -1
