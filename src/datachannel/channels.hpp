// The data channels of one association: DCEP and the table of who speaks on which stream
// [rfc8831, rfc8832]. Reads every message of the association and sorts out its own.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "datachannel/dcep.hpp"
#include "sctp/association.hpp"

namespace esp_peer::datachannel {

using sctp::StreamId;

enum class Kind : std::uint8_t { binary, string };

struct ChannelOptions {
  std::string_view label;
  std::string_view protocol;
  bool ordered = true;
  Reliability reliability = Reliability::reliable;
  std::uint16_t limit = 0;  // ms or count, by reliability
  std::uint16_t priority = 256;
};

struct Options {
  std::uint16_t max_channels =
      256;  // at once, both sides' together; the peer's further OPENs are reset
  std::uint32_t max_message_size =
      65536;  // the peer's a=max-message-size; 0 = no limit [rfc8841#6]
};

struct Opened {
  StreamId stream;
  bool by_peer;
};
struct ChannelClosed {
  StreamId stream;
};

struct Message {
  StreamId stream{};
  Kind kind = Kind::binary;
  Buffer body;
};

class Channels {
 public:
  using Event = std::variant<Opened, ChannelClosed>;

  // `even_streams`: we are the DTLS client [rfc8832#6].
  Channels(const Options& options, bool even_streams, sctp::Association& association, Env env);

  // A new channel on the next free stream of our parity; Opened comes once the peer has said ACK.
  // Data may be sent at once. over_limit: no stream or no room in the table; invalid_argument:
  // label or protocol above 65,535 bytes; wrong_state: no association.
  Result<StreamId> open(Instant now, const ChannelOptions& options);
  // All channels with this label; not_found when there is none. The peer hears of it when streams
  // are reset [rfc6525], which is still to come; until then its further messages are dropped.
  Status close(Instant now, std::string_view label);
  // not_found: no such channel; would_block and over_limit as Association::send.
  Status send(Instant now, StreamId stream, Kind kind, Bytes message);

  // The association is gone: every channel is closed, each with its event.
  void end(Instant now);

  // Takes what has arrived on the association; call after every input of it, and after the events
  // and messages have been fetched: it goes no further than the first of either.
  void process(Instant now);
  std::optional<Event> poll_event();
  std::optional<Message> read_message(Instant now);

  // The label stays valid until the channel's ChannelClosed event was followed by another command.
  std::optional<std::string_view> label(StreamId stream) const;
  bool is_open(StreamId stream) const;
  std::optional<StreamId> first_open() const;  // in order of opening
  std::size_t size() const;
  void hash_state(StateHash& hash) const;

 private:
  struct Channel {
    StreamId stream{};
    Buffer label, protocol;
    std::uint32_t opened = 0;  // in order of opening
    Reliability reliability = Reliability::reliable;
    std::uint16_t priority = 256;
    std::uint32_t limit = 0;
    bool ordered = true;
    bool by_peer = false;
    bool owes_open = false, owes_ack = false;  // the association had no room yet
    bool open = false;
    bool closed = false;  // stays for its label until the event is fetched and a command follows
  };

  void on_dcep(Instant now, StreamId stream, Bytes message);
  void on_open(Instant now, StreamId stream, Bytes message);
  void acknowledge(Channel& channel);
  void pay_debts(Instant now);
  Status send_open(Instant now, Channel& channel);
  std::optional<Message> to_user(Instant now, sctp::Message message);
  void mark_closed(Channel& channel);
  void bury_closed();
  Channel* find(StreamId stream);
  const Channel* find(StreamId stream) const;
  std::optional<StreamId> free_stream();
  Channel* add(StreamId stream, std::string_view label, std::string_view protocol);
  void drop(Instant now, const char* why, std::size_t size) const;

  Options options_;
  bool even_streams_;
  sctp::Association& association_;
  Env env_;
  Vector<Channel> channels_;  // at most max_channels
  Deque<Event> events_;       // at most two for each channel
  std::optional<Message> held_;
  std::uint32_t next_stream_, opened_ = 0;
};

}  // namespace esp_peer::datachannel
