/* base: what every room stands on. Prefixes here name the file: byte_buffer_, cores_, durable_, environment_, err_, log_, mem_,
 * option_, path_, place_, print_, rng_, signals_, text_, threads_, time_, tree_, version_. */
#ifndef SHOAL_BASE_H
#define SHOAL_BASE_H

#include "base/byte_buffer.h"
#include "base/cores.h"
#include "base/durable.h"
#include "base/environment.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/option.h"
#include "base/path.h"
#include "base/place.h"
#include "base/print.h"
#include "base/rng.h"
#include "base/signals.h"
#include "base/text.h"
#include "base/threads.h"
#include "base/time.h"
#include "base/tree.h"
#include "base/version.h"

#endif
