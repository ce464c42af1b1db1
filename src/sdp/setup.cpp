#include "sdp/setup.hpp"

namespace esp_peer::sdp {

std::optional<SetupChoice> setup_for_offer(Setup remote) {
  switch (remote) {
    case Setup::actpass:
    case Setup::passive:
      return SetupChoice{Setup::active, true};
    case Setup::active:
    case Setup::absent:  // [rfc4145#4] whoever offers without a word is active
      return SetupChoice{Setup::passive, false};
    case Setup::holdconn:
      break;
  }
  return std::nullopt;
}

std::optional<SetupChoice> setup_from_answer(Setup remote) {
  switch (remote) {
    case Setup::active:
    case Setup::actpass:  // broken peers say so: they connect, we wait
      return SetupChoice{Setup::passive, false};
    case Setup::passive:
    case Setup::absent:
      return SetupChoice{Setup::active, true};
    case Setup::holdconn:
      break;
  }
  return std::nullopt;
}

bool is_answer(Setup remote, bool offer_outstanding) {
  return offer_outstanding && remote != Setup::actpass;
}

}  // namespace esp_peer::sdp
