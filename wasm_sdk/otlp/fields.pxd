# The C types of fields.py, for Cython; the interpreter never reads this.
cimport cython

from wasm_sdk.otlp.wire cimport delimited, i64, put_varint, skip, u64, varint, varint32

@cython.locals(found=list, pos=Py_ssize_t, end=Py_ssize_t, start=Py_ssize_t, stop=Py_ssize_t, tag=i64, kind=int, value=u64)
cpdef list fields(bytes data)
@cython.locals(rest=list, parts=list, pos=Py_ssize_t, end=Py_ssize_t, start=Py_ssize_t, stop=Py_ssize_t, begin=Py_ssize_t, tag=i64, wanted=i64)
cpdef tuple partition(bytes data, int number)
