/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Tells the service manager about the daemon's state, as sd_notify(3) describes it.
 */
#ifndef CP_NOTIFY_H
#define CP_NOTIFY_H

/* "READY=1", "STOPPING=1". Without a service manager ($NOTIFY_SOCKET is not set) nothing happens.
 */
void cp_notify(const char *state);

#endif
