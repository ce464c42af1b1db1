// What a message is, as its Payload Protocol Identifier says [rfc8831#8, rfc8832#8.1].
#pragma once
#include "sctp/types.hpp"

namespace esp_peer::datachannel::ppid {

inline constexpr sctp::Ppid dcep{50};
inline constexpr sctp::Ppid string{51}, string_empty{56};
inline constexpr sctp::Ppid binary{53}, binary_empty{57};
// [rfc8831#6.6] Deprecated: messages in parts.
inline constexpr sctp::Ppid string_part{54}, binary_part{52};

}  // namespace esp_peer::datachannel::ppid
