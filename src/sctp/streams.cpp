#include "sctp/streams.hpp"

namespace esp_peer::sctp {

std::size_t Streams::place_of(std::uint16_t id) const {
  std::size_t from = 0, to = streams_.size();
  while (from < to) {
    const std::size_t middle = (from + to) / 2;
    (streams_[middle].id < id ? from : to) = streams_[middle].id < id ? middle + 1 : middle;
  }
  return from;
}

Stream* Streams::find(std::uint16_t id) {
  const std::size_t at = place_of(id);
  return at != streams_.size() && streams_[at].id == id ? &streams_[at] : nullptr;
}

Stream* Streams::get(std::uint16_t id) {
  if (Stream* known = find(id)) return known;
  const std::size_t at = place_of(id);
  if (streams_.size() == most_ || !streams_.insert(at, Stream{id, 0, 0, 0})) return nullptr;
  return &streams_[at];
}

void Streams::erase(std::uint16_t id) {
  if (find(id)) streams_.erase(place_of(id));
}

}  // namespace esp_peer::sctp
