// Chunks on the wire [rfc9260#3.2]: views that have checked their lengths, and nothing else.
#pragma once
#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "base/containers.hpp"

namespace esp_peer::sctp {

enum class ChunkType : std::uint8_t {
  data = 0,
  init = 1,
  init_ack = 2,
  sack = 3,
  heartbeat = 4,
  heartbeat_ack = 5,
  abort = 6,
  shutdown = 7,
  shutdown_ack = 8,
  error = 9,
  cookie_echo = 10,
  cookie_ack = 11,
  shutdown_complete = 14,
  reconfig = 130,     // [rfc6525]
  forward_tsn = 192,  // [rfc3758]
};

inline constexpr std::size_t common_header_size = 12;
inline constexpr std::size_t chunk_header_size = 4;
inline constexpr std::size_t data_header_size = 16;  // of a DATA chunk
// Causes of errors [rfc9260#3.3.10].
inline constexpr std::uint16_t stale_cookie = 3;
inline constexpr std::uint16_t no_user_data = 9;
inline constexpr std::uint16_t cookie_while_shutting_down = 10;

struct ChunkView {
  ChunkType type{};
  std::uint8_t flags = 0;
  Bytes value;  // without header and padding
};

struct PacketView {
  std::uint16_t source_port = 0, destination_port = 0;
  std::uint32_t verification_tag = 0;
  Bytes chunks;
};

// Nothing unless the checksum is right [rfc9260#6.8].
std::optional<PacketView> parse_packet(Bytes packet);
// Takes the first chunk off `rest`; nothing at the end, or where a length does not hold.
std::optional<ChunkView> take_chunk(Bytes& rest);

struct ParameterView {
  std::uint16_t type = 0;
  Bytes value;  // without header and padding
};
// Takes the first parameter off `rest`; nothing at the end, or where a length does not hold.
std::optional<ParameterView> take_parameter(Bytes& rest);

struct DataView {
  bool immediate = false, unordered = false, beginning = false, ending = false;
  std::uint32_t tsn = 0;
  std::uint16_t stream = 0, ssn = 0;
  std::uint32_t ppid = 0;
  Bytes payload;  // at least one byte [rfc9260#3.3.1]
};
std::optional<DataView> parse_data(const ChunkView& chunk);

// What a peer can do beyond the RFC: a bit for each.
struct Extensions {
  bool forward_tsn = false;  // it can be told to leave something out [rfc3758]
  bool reconfig = false;     // its streams can begin anew [rfc6525]
  friend bool operator==(const Extensions&, const Extensions&) = default;
};

inline constexpr std::uint32_t min_a_rwnd = 1500;  // [rfc9260#3.3.2]

// INIT and INIT-ACK.
struct InitView {
  std::uint32_t initiate_tag = 0, a_rwnd = 0, initial_tsn = 0;
  std::uint16_t outbound_streams = 0, inbound_streams = 0;
  Extensions extensions;
  Bytes cookie;  // of INIT-ACK
};
// Nothing where the RFC says that it must not be obeyed: a zero tag, no streams, a_rwnd below 1500,
// a parameter with a broken length.
std::optional<InitView> parse_init(const ChunkView& chunk);

struct GapBlock {
  std::uint16_t start = 0, end = 0;  // offsets from the cumulative TSN, both included
};
struct SackView {
  std::uint32_t cumulative_tsn = 0, a_rwnd = 0;
  std::uint16_t gap_count = 0;
  Bytes gaps;
  GapBlock gap(std::size_t i) const {
    Reader r(gaps.subspan(i * 4, 4));
    return {r.u16(), r.u16()};
  }
};
std::optional<SackView> parse_sack(const ChunkView& chunk);

// The last message of a stream, by its number, that will not come any more.
struct SkippedStream {
  std::uint16_t stream = 0, ssn = 0;
};
struct ForwardTsnView {
  std::uint32_t cumulative_tsn = 0;
  Bytes streams;
  std::size_t stream_count() const { return streams.size() / 4; }
  SkippedStream stream(std::size_t i) const {
    Reader r(streams.subspan(i * 4, 4));
    return {r.u16(), r.u16()};
  }
};
std::optional<ForwardTsnView> parse_forward_tsn(const ChunkView& chunk);

// Parameters of RE-CONFIG [rfc6525#4].
inline constexpr std::uint16_t outgoing_reset_request = 13;
inline constexpr std::uint16_t reconfig_response = 16;
inline constexpr std::uint16_t add_outgoing_streams_request = 17;
inline constexpr std::uint16_t last_reconfig_request = 18;

// What we announce in INIT and INIT-ACK: Forward-TSN-Supported [rfc3758#3.1] and Supported
// Extensions [rfc6525#5.1.1].
inline constexpr std::size_t extension_parameters_size = 12;
void write_extension_parameters(Writer& w);

// Writes one packet. A chunk is begun only where it fits as a whole.
class PacketWriter {
 public:
  PacketWriter(MutableBytes room, std::uint16_t source_port, std::uint16_t destination_port,
               std::uint32_t verification_tag);

  // Room for the value of a new chunk; empty when there is not enough. A value of no bytes is
  // written with begin_empty().
  MutableBytes begin(ChunkType type, std::uint8_t flags, std::size_t value_size);
  bool begin_empty(ChunkType type, std::uint8_t flags = 0);

  // Bytes that a value may still have.
  std::size_t room_for_value() const;
  bool empty() const { return out_.size() == common_header_size; }
  // Sets the checksum. The size, 0 without any chunk.
  std::size_t finish();

 private:
  Writer out_;
};

}  // namespace esp_peer::sctp
