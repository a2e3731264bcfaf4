// SPDX-License-Identifier: MIT
#pragma once
// The public address and the core's: two names for the same bytes.
#include <bit>
#include <cstddef>

#include "core/net/address.hpp"
#include "zio/address.h"

namespace zio::capi {

#define ZIO_SAME_FIELD(field)                                                    \
    static_assert(offsetof(zio_addr_t, field) == offsetof(os::Address, field) && \
                  sizeof(zio_addr_t::field) == sizeof(os::Address::field))
ZIO_SAME_FIELD(family);
ZIO_SAME_FIELD(port);
ZIO_SAME_FIELD(scope_id);
ZIO_SAME_FIELD(ip);
ZIO_SAME_FIELD(path);
ZIO_SAME_FIELD(path_len);
ZIO_SAME_FIELD(reserved0);
ZIO_SAME_FIELD(flow);
#undef ZIO_SAME_FIELD
static_assert(sizeof(zio_addr_t) == sizeof(os::Address));
static_assert(ZIO_AF_NONE == os::family_none && ZIO_AF_INET == os::family_version_4 &&
              ZIO_AF_INET6 == os::family_version_6 && ZIO_AF_UNIX == os::family_unix);

inline os::Address to_core(const zio_addr_t& address) {
    return std::bit_cast<os::Address>(address);
}
inline zio_addr_t to_public(const os::Address& address) {
    return std::bit_cast<zio_addr_t>(address);
}

}  // namespace zio::capi
