# The C types of check.py, for Cython; the interpreter never reads this.
cimport cython

from wasm_sdk.otlp.wire cimport delimited, i64, skip, text, u64, varint, varint32

cdef int _MAX_DEPTH

cdef class Walker:
    cdef const unsigned char[::1] _kinds, _children, _counted, _view
    cdef int _root
    cdef readonly Py_ssize_t items, invalid
    cpdef walk(self, bytes data)
    @cython.locals(
        kinds="const unsigned char[::1]", view="const unsigned char[::1]", row=Py_ssize_t, index=Py_ssize_t,
        start=Py_ssize_t, stop=Py_ssize_t, tag=i64, number=i64, kind=int, wire_type=int, _=u64,
        trace_id=bint, span_id=bint, parent_id=bint,
    )
    cdef int _message(self, bytes data, Py_ssize_t pos, Py_ssize_t end, int message, int depth) except -1
    @cython.locals(_=u64)
    cdef int _varints(self, bytes data, Py_ssize_t pos, Py_ssize_t end) except -1

@cython.locals(index=Py_ssize_t)
cpdef bint zeros(bytes data, Py_ssize_t pos, Py_ssize_t end) except -1
