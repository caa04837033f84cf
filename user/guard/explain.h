/* SPDX-License-Identifier: Apache-2.0 */
/* One line on a process's own stderr. Never blocks: what can't be written at once is dropped (returns -EAGAIN). */
#ifndef HF_GUARD_EXPLAIN_H
#define HF_GUARD_EXPLAIN_H
#include <sys/types.h>
#include "str.h"
/* pidfd of the thread group. The text is written as it is: the caller has escaped it. A pipe or terminal is opened
 * anew non-blocking through /proc/self/fd of the duplicated descriptor, a socket gets MSG_DONTWAIT, a regular file
 * RWF_NOWAIT: the flags of the process's own description are never changed. At most PIPE_BUF bytes (-EMSGSIZE).
 * -EAGAIN it would have waited; -EPIPE nobody reads; -EBADF standard error is closed or not writable; -EOPNOTSUPP a
 * kind that is not written to (other devices, files served by a process); -ESRCH the process is gone. SIGPIPE and
 * SIGTTOU are taken care of. */
int hf_explain(int pidfd, struct hf_str line);
#endif
