// What an application does to RTP packets before they are sealed and after they were opened: adds
// an extension to their header, or encrypts their payload from end to end.
#pragma once
#include <cstdint>
#include <optional>

#include "base/containers.hpp"
#include "rtp/packet.hpp"

namespace esp_peer::rtp {

enum class Way : std::uint8_t { out, in };

class Transformer {
 public:
  // On its way out a packet may grow by that much; so much smaller are frames of video cut.
  static constexpr std::size_t max_growth = 64;
  // Room for one that came.
  static constexpr std::size_t max_received = 2048;

  virtual bool transforms(Way way) const = 0;
  // The packet is in the first `size` bytes of `room`. Says its size then; 0 = it is dropped.
  virtual std::size_t transform(Way way, MutableBytes room, std::size_t size) = 0;

 protected:
  ~Transformer() = default;
};

// The same, for anybody who may have none. A packet that comes back as another one, by its number
// or its source, is dropped too: SRTP must not meet a number twice.
std::size_t transform(Transformer* transformer, Way way, MutableBytes room, std::size_t size);

// A packet that came, as the transformer leaves it, then in `room`; nothing when it is dropped.
std::optional<Packet> transform_received(Transformer* transformer, const Packet& packet,
                                         Memory& memory, Buffer& room);

}  // namespace esp_peer::rtp
