# The C types of splice.py, for Cython; the interpreter never reads this.
cimport cython

from wasm_sdk.otlp.wire cimport delimited, i64, skip, u64, varint32
from wasm_sdk.pipeline.parts cimport Output, Policy, Route, head
from wasm_sdk.rules.spantests cimport Test
from wasm_sdk.rules.spanview cimport SpanView

cdef bint _COMPILED
cdef int _ABSENT
cdef i64 _UNCHANGED
cdef Py_ssize_t _HEADS, _REMEMBERED, _LOOKED_AT

cdef class Splicer:
    cdef SpanView view
    cdef tuple drops, policies
    cdef readonly tuple routes
    cdef readonly list outputs, dropped
    cdef bint first
    cdef u64 default, always
    cdef Py_ssize_t trace_state
    cdef object restate
    cdef int error_mode
    cdef readonly Py_ssize_t unsampled, errors
    cdef readonly str reason
    cdef readonly list table, verdicts
    cdef list _recorded, _heads
    cdef object _stamp
    cdef dict _heads_of, _states
    cdef i64 _heads_threshold, _threshold
    cdef unsigned long long[::1] _masks
    cdef long long[::1] _thresholds

    cpdef list judge(self, bytes data, stamp)
    @cython.locals(result=list)
    cpdef list replay(self, bytes data, stamp, list table, list verdicts)
    @cython.locals(output=Output)
    cdef list _pass(self, bytes data)
    @cython.locals(pos=Py_ssize_t, stop=Py_ssize_t, tag=i64)
    cdef int _request(self, bytes data, Py_ssize_t end) except -1
    @cython.locals(rest=bytes, stop=Py_ssize_t, tag=i64, output=Output)
    cdef int _resource(self, bytes data, Py_ssize_t pos, Py_ssize_t end) except -1
    @cython.locals(rest=bytes, field=Py_ssize_t, stop=Py_ssize_t, tag=i64, output=Output)
    cdef int _scope(self, bytes data, Py_ssize_t pos, Py_ssize_t end) except -1
    @cython.locals(recorded=list, mask=u64, threshold=i64, index=Py_ssize_t, number=Py_ssize_t)
    cdef int _span(self, bytes data, Py_ssize_t field, Py_ssize_t pos, Py_ssize_t end) except -1
    @cython.locals(index=Py_ssize_t, drop=Test, result=int, policy=Policy, mask=u64, route=Route)
    cdef u64 _destinations(self, SpanView view) except? 0
    cdef int _failed(self, SpanView view) except -1
    @cython.locals(index=Py_ssize_t, count=Py_ssize_t)
    cdef Py_ssize_t _verdict(self, u64 mask, i64 threshold) except -1
    @cython.locals(size=Py_ssize_t, index=Py_ssize_t, output=Output)
    cdef int _put(self, u64 mask, bytes first, bytes second) except -1
    @cython.locals(known=bytes, state=bytes, start=bytes)
    cdef bytes _start(self, Py_ssize_t size, i64 threshold)
    @cython.locals(known=bytes, text=bytes)
    cdef bytes _state(self, bytes content, i64 threshold)
    @cython.locals(at=Py_ssize_t, size=Py_ssize_t, field=Py_ssize_t, state=bytes, content=Py_ssize_t)
    cdef int _restated(self, bytes data, Py_ssize_t pos, Py_ssize_t end, u64 mask, i64 threshold) except -1

@cython.locals(rest=bytes, part=bytes, start=Py_ssize_t, tag=i64)
cdef bytes _rest(bytes data, Py_ssize_t pos, Py_ssize_t end, int wanted)
