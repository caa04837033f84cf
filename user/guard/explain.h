/* SPDX-License-Identifier: Apache-2.0 */
/* One line on a process's own stderr. Never blocks: what can't be written at once is dropped (returns -EAGAIN). */
#ifndef HF_GUARD_EXPLAIN_H
#define HF_GUARD_EXPLAIN_H
#include <sys/types.h>
#include "str.h"
/* pidfd of the thread group. The text is written as it is: the caller has escaped it. A pipe or terminal is opened anew non-blocking
 * through /proc/self/fd of the duplicated descriptor, a socket gets MSG_DONTWAIT, a regular file RWF_NOWAIT: the flags of the
 * process's own description are never changed. */
int hf_explain(int pidfd, struct hf_str line);
#endif
