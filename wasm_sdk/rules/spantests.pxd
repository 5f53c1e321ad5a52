# The C types of spantests.py, for Cython; the interpreter never reads this.
cimport cython

from wasm_sdk.otlp.wire cimport i64, u64
from wasm_sdk.rules.spanview cimport SpanView

cdef bint _COMPILED
cdef int _UNKNOWN
cdef int _ABSENT, _EMPTY, _STRING, _BOOL, _INT, _DOUBLE, _FIXED, _LIST, _MAP, _BYTES
cdef int _EQ, _NE, _LT, _LE, _GT, _GE
cdef Py_ssize_t _REMEMBERED, _LONGEST_REMEMBERED

cdef class Test:
    cdef int test(self, SpanView view) except -1

cdef class Constant(Test):
    cdef int truth

cdef class All(Test):
    cdef tuple tests
    @cython.locals(each=Test, result=int)
    cdef int test(self, SpanView view) except -1

cdef class Any_(Test):
    cdef tuple tests
    @cython.locals(each=Test, result=int)
    cdef int test(self, SpanView view) except -1

cdef class Not(Test):
    cdef Test inner
    @cython.locals(result=int)
    cdef int test(self, SpanView view) except -1

cdef class Absent(Test):
    cdef Py_ssize_t slot
    @cython.locals(kind=i64)
    cdef int test(self, SpanView view) except -1

cdef class Number(Test):
    cdef Py_ssize_t slot
    cdef int operator, absent, wanted
    cdef i64 value
    @cython.locals(kind=i64, slot=Py_ssize_t, number=i64, operator=int)
    cdef int test(self, SpanView view) except -1

cdef class Double(Test):
    cdef Py_ssize_t slot
    cdef int operator, absent
    cdef double value
    @cython.locals(kind=i64, slot=Py_ssize_t)
    cdef int test(self, SpanView view) except -1

cdef class Text(Test):
    cdef Py_ssize_t slot
    cdef int operator, absent
    cdef bytes value
    @cython.locals(kind=i64, slot=Py_ssize_t, same=bint)
    cdef int test(self, SpanView view) except -1

cdef class Affix(Test):
    cdef Py_ssize_t slot
    cdef int absent
    cdef bint suffix
    cdef bytes value
    @cython.locals(kind=i64, slot=Py_ssize_t, content=bytes)
    cdef int test(self, SpanView view) except -1

cdef class Match(Test):
    cdef Py_ssize_t slot
    cdef object search
    cdef int absent
    cdef Test other
    cdef dict memory
    cdef Py_ssize_t asked
    @cython.locals(kind=i64, slot=Py_ssize_t, content=bytes, memory=dict, result=int)
    cdef int test(self, SpanView view) except -1
    cdef int _search(self, SpanView view, bytes content) except -1

cdef class Root(Test):
    cdef Py_ssize_t slot

cdef class Kept(Test):
    cdef Py_ssize_t trace_id, trace_state
    cdef u64 threshold
    @cython.locals(pos=Py_ssize_t, number=u64, index=int)
    cdef int test(self, SpanView view) except -1

cdef class Within(Test):
    cdef Py_ssize_t slot
    cdef object holds

cdef class Other(Test):
    cdef object judge

cpdef int test(Test each, SpanView view) except -1
@cython.locals(found=Py_ssize_t, pos=Py_ssize_t, end=Py_ssize_t)
cpdef Py_ssize_t count(SpanView view, Test each, bytes data, list spans) except -1
cdef int _compare(i64 left, i64 right, int operator) noexcept
cdef int _compare_doubles(double left, double right, int operator) noexcept
cdef int _compare_bytes(bytes left, bytes right, int operator) except -1
