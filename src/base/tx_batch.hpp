// Room that the runner lends for datagrams. Equal-sized neighbours on one route are folded into one
// run, which Linux sends with one UDP_SEGMENT call; a microcontroller lends room for one datagram.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "base/address.hpp"
#include "base/bytes.hpp"

namespace esp_peer {

class TxBatch {
 public:
  struct Run {
    Route route;
    std::uint32_t offset = 0, size = 0;
    std::uint16_t segment = 0, count = 0;
    bool open = true;  // false once a shorter tail has closed the run
  };
  // The kernel takes at most 64 segments and one UDP payload's worth of bytes in one call.
  static constexpr std::uint16_t max_segments = 64;
  static constexpr std::uint32_t max_run = 65'000;

  TxBatch(MutableBytes room, std::span<Run> runs) : room_(room), runs_(runs) {}

  // Where the next datagram may be written; empty when the batch is full.
  MutableBytes room() const {
    return count_ == runs_.size() ? MutableBytes{} : room_.subspan(used_);
  }
  // The first n bytes of room() are a datagram now.
  void commit(const Route& route, std::size_t n) {
    ESP_PEER_BUG_IF(n == 0 || n > room().size() || n > 0xFFFF);
    const auto size = static_cast<std::uint32_t>(n);
    Run* last = count_ ? &runs_[count_ - 1] : nullptr;
    if (last && last->open && last->route == route && size <= last->segment &&
        last->count < max_segments && last->size + size <= max_run) {
      last->size += size;
      ++last->count;
      last->open = size == last->segment;
    } else {
      runs_[count_++] = Run{
          route, static_cast<std::uint32_t>(used_), size, static_cast<std::uint16_t>(n), 1, true};
    }
    used_ += n;
  }
  void clear() { count_ = used_ = 0; }

  std::span<const Run> runs() const { return runs_.first(count_); }
  MutableBytes bytes(const Run& run) const { return room_.subspan(run.offset, run.size); }
  bool empty() const { return count_ == 0; }

 private:
  MutableBytes room_;
  std::span<Run> runs_;
  std::size_t count_ = 0, used_ = 0;
};

}  // namespace esp_peer
