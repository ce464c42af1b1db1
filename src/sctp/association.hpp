// One association. Knows no socket, no clock and no DTLS; whoever owns it carries its packets.
#pragma once
#include <cstdint>
#include <optional>
#include <variant>

#include "base/containers.hpp"
#include "base/env.hpp"
#include "base/result.hpp"
#include "base/state_hash.hpp"
#include "crypto/provider.hpp"

namespace esp_peer::sctp {

enum class StreamId : std::uint16_t {};
enum class Ppid : std::uint32_t {};

struct Options {
  std::uint16_t local_port = 5000, remote_port = 5000;
  // 1280 − 40 IPv6 − 8 UDP − 37 DTLS record − 4 TURN channel, a multiple of four.
  std::uint16_t max_packet = 1188;
  std::uint32_t send_buffer = 100 * 1024;     // bytes; send() answers would_block beyond it
  std::uint32_t receive_window = 100 * 1024;  // bytes
  std::uint16_t max_streams = 65535;          // announced in both directions
  Duration rto_initial = milliseconds(500);
  Duration rto_min = milliseconds(400);
  Duration rto_max = seconds(60);
  Duration heartbeat_interval = seconds(30);
  std::uint8_t max_init_retransmits = 8;
  std::uint8_t max_association_retransmits = 10;
};

struct SendOptions {
  bool unordered = false;
};

struct Connected {};
struct MessageReady {};
struct SendBufferDrained {};  // after would_block there is room again
struct Closed {};             // shut down in good order, by either side
struct Aborted {
  const char* why;  // a literal for logs
  bool by_peer;
};

struct Message {
  StreamId stream{};
  Ppid ppid{};
  bool unordered = false;
  Buffer body;
};

class Association {
 public:
  using Event = std::variant<Connected, MessageReady, SendBufferDrained, Closed, Aborted>;

  Association(const Options& options, crypto::Provider& crypto, Env env);

  // Commands of the owner. Errors are the caller's.
  Status connect(Instant now);
  // Takes the message whole or not at all: would_block when it does not fit now, over_limit when it
  // never can, wrong_state before Connected or after the end.
  Status send(Instant now, StreamId stream, Ppid ppid, Bytes message, const SendOptions& how);
  void shutdown(Instant now);
  void abort(Instant now);

  // Input of the peer. Never an error: a bad packet is counted, traced and dropped.
  void on_packet(Instant now, Bytes packet);
  void on_deadline(Instant now);

  // Writes the next packet into `out` and says its size; 0 = nothing to send now.
  std::size_t write_packet(Instant now, MutableBytes out);
  std::optional<Event> poll_event();
  // Messages wait here until they are read; the window offered to the peer shrinks meanwhile.
  std::optional<Message> read_message(Instant now);

  std::optional<Instant> next_deadline() const;
  bool connected() const;
  std::size_t buffered() const;  // bytes of messages not yet acknowledged
  void hash_state(StateHash& hash) const;
};

}  // namespace esp_peer::sctp
