/* SPDX-License-Identifier: MIT */
/**
 * @file zio/net.h
 * Networking: addresses, listeners and streams over TCP and Unix sockets, buffered reading and
 * writing.
 */
#ifndef ZIO_NET_H
#define ZIO_NET_H

#include "zio/address.h"
#include "zio/buffered.h"
#include "zio/listener.h"
#include "zio/socket.h"
#include "zio/stream.h"

#endif
