// SPDX-License-Identifier: MIT
// The archive in a C++ program with exceptions of its own, thrown and caught in a task.
#include <zio.h>

#include <stdexcept>

int main() {
    zio_rt_t *rt = nullptr;
    if (zio_rt_create(&rt, nullptr) != ZIO_OK) return 1;
    const zio_err_t err = zio_rt_run(
        rt,
        [](void *) -> zio_err_t {
            try {
                if (zio_yield() == ZIO_OK) throw std::runtime_error("mine");
            } catch (const std::runtime_error &) {
                return zio_yield();
            }
            return ZIO_EIO;
        },
        nullptr);
    return err != ZIO_OK || zio_rt_shutdown(rt, ZIO_NEVER) != ZIO_OK ||
           zio_rt_destroy(rt) != ZIO_OK;
}
