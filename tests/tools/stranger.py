# SPDX-License-Identifier: MIT
"""A program in another language, which knows libzio by its C ABI alone: it draws numbers and asks
for the time as it always does, and sends what came of it through a simulated socket. With `sleeps`
it also sleeps for hours.   stranger.py LIBRARY [sleeps]"""
import ctypes
import os
import random
import sys
import time
import uuid

zio = ctypes.CDLL(sys.argv[1])
zio.zio_stream_write_all.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_size_t,
                                     ctypes.c_void_p, ctypes.c_int64]


@ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)
def talks(_):
    near, far = ctypes.c_void_p(), ctypes.c_void_p()
    assert zio.zio_stream_pair(ctypes.byref(near), ctypes.byref(far)) == 0
    for _ in range(20):
        data = os.urandom(random.randrange(1, 100) + int(time.time()) % 7 + hash("a word") % 3)
        assert zio.zio_stream_write_all(near, data, len(data), None, -1) == 0
        if len(sys.argv) > 2:
            time.sleep(random.random() * 3600)
    zio.zio_stream_close(near)
    zio.zio_stream_close(far)
    print(time.ctime(), time.monotonic(), uuid.uuid4())
    return 0


runtime = ctypes.c_void_p()
assert zio.zio_rt_create(ctypes.byref(runtime), None) == 0
assert zio.zio_rt_run(runtime, talks, None) == 0
assert zio.zio_rt_destroy(runtime) == 0
