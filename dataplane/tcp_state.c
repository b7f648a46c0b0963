/* SPDX-License-Identifier: BSD-3-Clause
 *
 * The tables behind tcp_state.h.
 */
#include "tcp_state.h"

#define FIN RTE_TCP_FIN_FLAG
#define SYN RTE_TCP_SYN_FLAG
#define RST RTE_TCP_RST_FLAG
#define ACK RTE_TCP_ACK_FLAG

/* SYN with FIN or RST is dropped by parse before it comes here; RST wins over all, SYN over FIN. */
const uint8_t dp_tcp_events[DP_TCP_FLAGS_MASK + 1] = {
        [0] = DP_TCP_ON_OTHER,
        [ACK] = DP_TCP_ON_OTHER,
        [FIN] = DP_TCP_ON_FIN,
        [FIN | ACK] = DP_TCP_ON_FIN,
        [SYN] = DP_TCP_ON_SYN,
        [SYN | FIN] = DP_TCP_ON_SYN,
        [SYN | ACK] = DP_TCP_ON_SYN_ACK,
        [SYN | ACK | FIN] = DP_TCP_ON_SYN_ACK,
        [RST] = DP_TCP_ON_RST,
        [RST | FIN] = DP_TCP_ON_RST,
        [RST | SYN] = DP_TCP_ON_RST,
        [RST | SYN | FIN] = DP_TCP_ON_RST,
        [RST | ACK] = DP_TCP_ON_RST,
        [RST | ACK | FIN] = DP_TCP_ON_RST,
        [RST | ACK | SYN] = DP_TCP_ON_RST,
        [RST | ACK | SYN | FIN] = DP_TCP_ON_RST,
};

#undef FIN
#undef SYN
#undef RST
#undef ACK

#define NO DP_TCP_NONE
#define SS DP_TCP_SYN_SENT
#define SR DP_TCP_SYN_RECEIVED
#define AD DP_TCP_ADOPTED
#define ES DP_TCP_ESTABLISHED
#define CF DP_TCP_CLIENT_FIN
#define TF DP_TCP_TARGET_FIN
#define CC DP_TCP_CLIENT_CLOSED
#define TC DP_TCP_TARGET_CLOSED
#define CR DP_TCP_CLIENT_RESET
#define TR DP_TCP_TARGET_RESET
#define UA DP_UDP_ANSWERED
#define UO DP_UDP_OPEN

/* What needs a reason:
 * - A client alone never gets past half-open: only the target's word leads to the OPEN class. (Its
 *   ACK of a SYN|ACK does, but a target answers a wrong one with RST.)
 * - An RST may be a third party's, with a wrong sequence number. A client that goes on afterwards
 *   is adopted again, at half-open's price; a target that goes on shows that it lives.
 * - In SYN_SENT a target's plain ACK is one of an older connection (RFC 9293 section 3.5.1).
 * - A lone SYN to an open flow is passed on: the target knows better (RFC 5961 section 4). */
const uint8_t dp_tcp_steps[2][DP_TCP_STATE_MASK + 1][DP_TCP_EVENTS] =
        {
                [DP_TO_TARGET] =
                        {
                                /*      RST SYN SYN|ACK FIN other */
                                [NO] = {NO, NO, NO, NO, NO},
                                [SS] = {CR, SS, SS, SS, SS},
                                [SR] = {CR, SR, SR, CF, ES},
                                [AD] = {CR, AD, AD, AD, AD},
                                [ES] = {CR, ES, ES, CF, ES},
                                [CF] = {CR, CF, CF, CF, CF},
                                [TF] = {CR, TF, TF, TC, TF},
                                [CC] = {CC, CC, CC, CC, CC},
                                [TC] = {TC, TC, TC, TC, TC},
                                [CR] = {CR, CR, CR, AD, AD},
                                [TR] = {TR, TR, TR, TR, TR},
                                [UA] = {UA, UA, UA, UA, UO},
                                [UO] = {UO, UO, UO, UO, UO},
                        },
                [DP_TO_CLIENT] =
                        {
                                /*      RST SYN SYN|ACK FIN other */
                                [NO] = {NO, NO, NO, NO, UA},
                                [SS] = {TR, SS, SR, SS, SS},
                                [SR] = {TR, SR, SR, TF, SR},
                                [AD] = {TR, AD, ES, TF, ES},
                                [ES] = {TR, ES, ES, TF, ES},
                                [CF] = {TR, CF, CF, CC, CF},
                                [TF] = {TR, TF, TF, TF, TF},
                                [CC] = {CC, CC, CC, CC, CC},
                                [TC] = {TC, TC, TC, TC, TC},
                                [CR] = {CR, CR, CR, CR, CR},
                                [TR] = {TR, TR, TR, TF, ES},
                                [UA] = {UA, UA, UA, UA, UA},
                                [UO] = {UO, UO, UO, UO, UO},
                        },
};

const uint8_t dp_tcp_classes[DP_TCP_STATE_MASK + 1] = {
        [NO] = DP_TCP_CLASS_NONE,
        [SS] = DP_TCP_CLASS_HALF_OPEN,
        [SR] = DP_TCP_CLASS_HALF_OPEN,
        [AD] = DP_TCP_CLASS_HALF_OPEN,
        [ES] = DP_TCP_CLASS_OPEN,
        [CF] = DP_TCP_CLASS_OPEN,
        [TF] = DP_TCP_CLASS_OPEN,
        [CC] = DP_TCP_CLASS_CLOSING,
        [TC] = DP_TCP_CLASS_CLOSING,
        [CR] = DP_TCP_CLASS_CLOSING,
        [TR] = DP_TCP_CLASS_CLOSING,
        [UA] = DP_TCP_CLASS_NONE,
        [UO] = DP_TCP_CLASS_NONE,
};
