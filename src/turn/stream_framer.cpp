#include "turn/stream_framer.hpp"

#include <algorithm>

#include "stun/message.hpp"
#include "turn/channel_data.hpp"

namespace esp_peer::turn {
namespace {

MutableBytes take_front(MutableBytes& from, std::size_t n) {
  const MutableBytes front = from.first(n);
  from = from.subspan(n);
  return front;
}

}  // namespace

MutableBytes StreamFramer::take(MutableBytes& stream) {
  if (broken_) return give_up(stream);
  while (!stream.empty()) {
    if (to_skip_ != 0) {
      to_skip_ -= take_front(stream, std::min(to_skip_, stream.size())).size();
      continue;
    }
    if (held_size_ == 0 && stream.size() >= shortest_header) {
      const std::size_t size = size_of(stream);
      if (size == 0) return give_up(stream);
      if (size > max_message) {
        to_skip_ = size;
        continue;
      }
      if (size <= stream.size()) return take_front(stream, size);  // whole: no copy
    }
    if (!held_) held_ = Buffer::with_size(memory_, max_message);
    if (!held_) return give_up(stream);
    // First as far as the length, then as far as the end.
    const std::size_t wanted =
        held_size_ < shortest_header ? shortest_header : size_of(held_.bytes());
    const MutableBytes more = take_front(stream, std::min(wanted - held_size_, stream.size()));
    copy_bytes(more, held_.bytes().subspan(held_size_));
    held_size_ += more.size();
    if (held_size_ < shortest_header) continue;
    const std::size_t size = size_of(held_.bytes());
    if (size == 0) return give_up(stream);
    if (size > max_message) {
      to_skip_ = size - held_size_;
      held_size_ = 0;
    } else if (held_size_ == size) {
      held_size_ = 0;
      return held_.bytes().first(size);
    }
  }
  return {};
}

void StreamFramer::hash_state(StateHash& hash) const {
  hash.add(held_.bytes().first(held_size_));
  hash.add(to_skip_);
  hash.add(broken_);
}

std::size_t StreamFramer::size_of(Bytes header) {
  Reader r(header);
  const std::uint16_t first = r.u16();
  const std::size_t length = r.u16();
  if (is_channel_data(header)) return (channel_data_header + length + 3) / 4 * 4;
  // [rfc7983#7] A first byte of 0 to 3, and [rfc8489#5] a length that is a multiple of four.
  if (first > 0x03FF || length % 4 != 0) return 0;
  return stun::header_size + length;
}

MutableBytes StreamFramer::give_up(MutableBytes& stream) {
  broken_ = true;
  stream = {};
  return {};
}

}  // namespace esp_peer::turn
