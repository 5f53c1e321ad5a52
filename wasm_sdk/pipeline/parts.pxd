# The C types of parts.py, for Cython; the interpreter never reads this.
cimport cython

from wasm_sdk.otlp.wire cimport i64, put_varint, u64
from wasm_sdk.rules.spantests cimport Test
from wasm_sdk.rules.spanview cimport SpanView

cdef bint _COMPILED
cdef int _ABSENT, _STRING, _BY_TRACE

cdef class Route:
    cdef Test test
    cdef unsigned long long[::1] table
    cdef int key
    cdef Py_ssize_t slot, last
    cdef readonly Py_ssize_t matched
    cdef i64 generation
    cdef Py_ssize_t chosen
    cdef u64 choose(self, SpanView view) except? 0

cdef class Policy:
    cdef Test test, kept
    cdef readonly i64 threshold

cdef class Output:
    cdef readonly list parts
    cdef list scopes, spans
    cdef Py_ssize_t scopes_size, spans_size
    cdef readonly Py_ssize_t items
    cdef clear(self)
    @cython.locals(start=bytes)
    cdef int end_scope(self, bytes rest) except -1
    cdef int end_resource(self, bytes rest) except -1

@cython.locals(out=bytearray)
cpdef bytes head(int tag, Py_ssize_t size)
@cython.locals(pos=Py_ssize_t, number=u64, index=int)
cdef u64 _low_bits(SpanView view, Py_ssize_t slot) except? 0
