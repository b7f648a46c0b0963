/* SPDX-License-Identifier: BSD-3-Clause
 *
 * Telling the service manager how far we are, as sd_notify(3) has it.
 */
#ifndef DP_NOTIFY_H
#define DP_NOTIFY_H

/* Sends 'state' ("READY=1") to $NOTIFY_SOCKET; nothing happens without one. */
void dp_notify(const char *state);

#endif
