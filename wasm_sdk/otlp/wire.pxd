# The C types of wire.py, for Cython; the interpreter never reads this.
cimport cython

ctypedef unsigned long long u64
ctypedef long long i64

cdef u64 _U64
cdef bint _COMPILED

@cython.locals(value=u64, byte=u64, shift=int, index=Py_ssize_t)
cpdef (u64, Py_ssize_t) varint(bytes data, Py_ssize_t pos) except *
@cython.locals(value=u64, byte=u64, shift=int, index=Py_ssize_t)
cpdef (i64, Py_ssize_t) varint32(bytes data, Py_ssize_t pos) except *
@cython.locals(size=i64)
cpdef (Py_ssize_t, Py_ssize_t) delimited(bytes data, Py_ssize_t pos, Py_ssize_t end) except *
@cython.locals(wire_type=int, stop=Py_ssize_t)
cpdef Py_ssize_t skip(bytes data, Py_ssize_t pos, i64 tag, Py_ssize_t end, int depth) except -1
@cython.locals(tag=i64)
cdef Py_ssize_t _skip_group(bytes data, Py_ssize_t pos, i64 opening, Py_ssize_t end, int depth) except -1
cpdef put_varint(bytearray out, u64 value)

cpdef i64 int32(u64 number) except? -1
@cython.locals(number=u64, index=int)
cdef u64 fixed64(bytes data, Py_ssize_t pos, Py_ssize_t end) except? 1
@cython.locals(number=u64, index=int)
cdef u64 fixed32(bytes data, Py_ssize_t pos, Py_ssize_t end) except? 1
cpdef str text(bytes data, Py_ssize_t pos, Py_ssize_t stop)

cdef class SpanSlice:
    cdef readonly bytes resource, scope, span, trace_id, span_id, parent_span_id
    cdef readonly str name
    cdef readonly i64 kind, status
    cdef readonly u64 flags, start, end
    @cython.locals(tag=i64, number=u64, start=Py_ssize_t, stop=Py_ssize_t)
    cdef int _scan(self, bytes data, Py_ssize_t pos, Py_ssize_t end) except -1
    @cython.locals(tag=i64, number=u64, start=Py_ssize_t)
    cdef int _scan_status(self, bytes data, Py_ssize_t pos, Py_ssize_t end) except -1

@cython.locals(rest=list, items=list, tag=i64, start=Py_ssize_t, stop=Py_ssize_t)
cdef tuple _parts(bytes data, Py_ssize_t pos, Py_ssize_t end, int wanted)
@cython.locals(item=SpanSlice, out=list, scopes=list, spans=list, resource=bytes, scope=bytes, started=bint, head=bytearray)
cpdef bytes join_spans(slices)
@cython.locals(head=bytearray, content=bytes)
cdef bytes _field(int tag, bytes first, list parts)
