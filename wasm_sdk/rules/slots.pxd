# The C types of slots.py, for Cython; the interpreter never reads this.
cimport cython

from wasm_sdk.otlp.wire cimport delimited, i64, skip, u64, varint, varint32

cdef bint _COMPILED
cdef int _ABSENT, _EMPTY, _STRING, _BOOL, _INT, _DOUBLE, _FIXED, _LIST, _MAP, _BYTES

cdef i64 _int64(u64 number) noexcept

cdef class Slots:
    cdef readonly Py_ssize_t resource_end, scope_end, slots
    cdef long long[::1] kinds, at, sizes
    cdef readonly bytes resource, scope, span
    cdef const unsigned char[::1] _bytes
    cdef public str reason

    @cython.locals(slot=Py_ssize_t)
    cdef int _forget(self, Py_ssize_t first, Py_ssize_t last) except -1
    cdef int _text(self, Py_ssize_t slot, Py_ssize_t pos, Py_ssize_t stop) except -1
    @cython.locals(
        key_at=Py_ssize_t, key_stop=Py_ssize_t, value_at=Py_ssize_t, value_stop=Py_ssize_t, tag=i64, slot=Py_ssize_t
    )
    cdef int _attribute(self, bytes data, Py_ssize_t pos, Py_ssize_t end, dict keys) except -1
    @cython.locals(
        kinds="long long[::1]", at="long long[::1]", sizes="long long[::1]", tag=i64, number=u64, stop=Py_ssize_t, begin=Py_ssize_t
    )
    cdef int _value(self, bytes data, Py_ssize_t pos, Py_ssize_t end, Py_ssize_t slot) except -1
    cpdef i64 kind(self, Py_ssize_t slot) except? -1
    cpdef bytes buffer(self, Py_ssize_t slot)
    cpdef bytes content(self, Py_ssize_t slot)
    cpdef i64 number(self, Py_ssize_t slot) except? -1
    cpdef double real(self, Py_ssize_t slot) except? -1
    @cython.locals(pos=Py_ssize_t, stop=Py_ssize_t)
    cdef bytes bytes_of(self, Py_ssize_t slot)
    @cython.locals(pos=Py_ssize_t, number=u64, index=int)
    cdef i64 number_of(self, Py_ssize_t slot) except? -1
    cdef double real_of(self, Py_ssize_t slot) except? -1
