// The data half of a connection: one association and the channels on it.
#pragma once
#include <optional>
#include <string_view>

#include "base/state_hash.hpp"
#include "datachannel/channels.hpp"
#include "peer/session_types.hpp"
#include "sctp/association.hpp"

namespace esp_peer::peer {

struct DataOptions {
  sctp::Options sctp;
  bool dtls_client = false;       // even streams, and the automatic channel is ours to open
  bool automatic_channel = true;  // label "esp_channel", ordered, reliable
  std::uint32_t max_message_size = 65536;  // the peer's; 0 = any
  bool esp_peer = false;                   // the peer is of our own kind
};

class DataSession {
 public:
  struct Event {
    // `failed`: it never came to be, so that there is no end of it to tell.
    enum class Kind : std::uint8_t { connected, opened, closed, disconnected, failed };
    Kind kind;
    sctp::StreamId stream{};  // of opened and closed
    bool by_peer = false;     // of disconnected and failed: the peer said so
  };
  static constexpr std::string_view automatic_label = "esp_channel";

  DataSession(const DataOptions& options, crypto::Provider& crypto, Env env);

  void connect(Instant now);
  Result<sctp::StreamId> create(Instant now, const datachannel::ChannelOptions& options);
  Status close(Instant now, std::string_view label);
  // Stream 0 means the channel on it if there is one, else the first open one.
  Status send(Instant now, sctp::StreamId stream, datachannel::Kind kind, Bytes message);
  // An ABORT goes out. What has been acknowledged can still be read; the end stands behind it.
  void abort(Instant now);
  // The application leaves: the same, and what it has not read is dropped.
  void leave(Instant now);

  void on_packet(Instant now, Bytes packet);
  void on_deadline(Instant now);

  std::size_t write_packet(Instant now, MutableBytes out);
  std::optional<Event> poll_event(Instant now);
  std::optional<datachannel::Message> read_message(Instant now);

  std::optional<Instant> next_deadline() const { return association_.next_deadline(); }
  bool connected() const { return connected_; }
  bool ended() const { return ended_; }
  // And that has been fetched, behind the last message.
  bool over() const { return ended_ && !say_end_; }
  // exception: [rfc9260#6.2] a peer of our own kind is acknowledged once for all that comes in one
  // burst: both ends are spared the work on most of the SACKs, which costs its window a little of
  // its growth at the start.
  bool owes_ack() const { return !options_.esp_peer && association_.owes_ack(); }
  std::optional<std::string_view> label(sctp::StreamId stream) const {
    return channels_.label(stream);
  }
  DataStats stats() const;
  void hash_state(StateHash& hash) const;

 private:
  void open_automatic_channel(Instant now);
  void end(bool by_peer);

  DataOptions options_;
  sctp::Association association_;
  datachannel::Channels channels_;
  bool connected_ = false, ended_ = false, ended_by_peer_ = false;
  bool say_connected_ = false;
  std::optional<Event::Kind> say_end_;
};

}  // namespace esp_peer::peer
