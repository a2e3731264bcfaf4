/* SPDX-License-Identifier: MIT */
/**
 * @file zio.h
 * Everything. Each header it includes can also be included alone.
 */
#ifndef ZIO_H
#define ZIO_H

#include "zio/base.h"
#include "zio/net.h"
#include "zio/os.h"
#include "zio/rt.h"
#include "zio/sim.h"
#include "zio/task.h"

#endif
