// The data channels of one association [rfc8831, rfc8832]. Reads every message of the association
// and sorts out its own.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <variant>

#include "datachannel/channel_table.hpp"
#include "datachannel/dcep.hpp"
#include "sctp/association.hpp"

namespace esp_peer::datachannel {

enum class Kind : std::uint8_t { binary, string };

struct ChannelOptions {
  std::string_view label{};
  std::string_view protocol{};
  bool ordered = true;
  Reliability reliability = Reliability::reliable;
  std::uint16_t limit = 0;  // ms or count, by reliability
  std::uint16_t priority = 256;
  // [rfc8831#6.5] Both ends open it on this stream, by themselves: nothing is said on the wire.
  std::optional<StreamId> negotiated{};
};

struct Options {
  // At once, both sides' together; further OPENs of the peer are refused.
  std::uint16_t max_channels = 1024;
  // Bytes of all OPEN messages, which hold labels and protocols; further ones are refused.
  // Two channels with the longest names fit.
  std::uint32_t max_open_bytes = 272 * 1024;
  // The peer's a=max-message-size; 0 = no limit [rfc8841#6].
  std::uint32_t max_message_size = 65536;
};

struct Opened {
  StreamId stream;
  bool by_peer;
};
struct ChannelClosed {
  StreamId stream;
};
// The peer has begun the association anew. All channels there were are closed, and that has been
// told before; new ones may be opened.
struct Restarted {};

struct Message {
  StreamId stream{};
  Kind kind = Kind::binary;
  Buffer body;
};

class Channels {
 public:
  using Event = std::variant<Opened, ChannelClosed, Restarted>;

  // `even_streams`: we are the DTLS client [rfc8832#6].
  Channels(const Options& options, bool even_streams, sctp::Association& association, Env env);

  // A new channel on a stream of our parity that is not used; Opened comes once the peer has
  // answered. Data may be sent at once. over_limit: no stream, or no room here or at the peer;
  // invalid_argument: label or protocol above 65,535 bytes; wrong_state: no association; no_memory.
  // invalid_argument also for a negotiated stream that is in use or none; that one is open at once.
  // An association that is full does not matter: the OPEN goes out when there is room.
  Result<StreamId> open(Instant now, const ChannelOptions& options);
  // All channels with this label; not_found when there is none. What was sent on them arrives
  // first; what they have received and was not read is dropped.
  Status close(Instant now, std::string_view label);
  // not_found: no such channel; over_limit: larger than the peer takes, or than can ever be sent;
  // would_block: no room now.
  Status send(Instant now, StreamId stream, Kind kind, Bytes message);

  // The association is gone: every open channel is closed, each with its event; nothing can be read
  // any more.
  void end(Instant now);

  // Takes what has arrived on the association, up to the first message for the owner; call after
  // every input of it.
  void process(Instant now);
  // Each channel is Opened once and then ChannelClosed once. One that never opened says nothing,
  // but ChannelClosed if it is the peer who closed it: it will not open any more.
  std::optional<Event> poll_event();
  // Nothing while the Opened event of the message's channel has not been fetched, and reading on
  // may open channels: fetch events and messages in turn until neither gives anything.
  std::optional<Message> read_message(Instant now);

  // The label stays valid until the channel's ChannelClosed event was followed by another command
  // or an input.
  std::optional<std::string_view> label(StreamId stream) const;
  bool is_open(StreamId stream) const;
  // One waits to be read, once its Opened event was fetched; or may, behind Restarted. After
  // process().
  bool has_message() const { return held_.has_value() || say_restarted_; }
  std::optional<StreamId> first_open() const;  // in order of opening
  std::size_t size() const { return table_.size(); }
  void hash_state(StateHash& hash) const;

 private:
  // [rfc8831#6.4] 65,535 is no stream: an association has at most so many.
  static constexpr std::uint32_t no_stream = 65'535;
  // [rfc8832#6] The DTLS client opens even streams, the server odd ones.
  std::uint32_t first_stream() const { return even_streams_ ? 0 : 1; }

  Result<Channel*> add(StreamId stream, const ChannelOptions& options);
  Result<StreamId> open_negotiated(const ChannelOptions& options);
  void take(Instant now, sctp::Message message);
  void on_dcep(Instant now, sctp::Message message);
  void on_open(Instant now, sctp::Message message);
  void on_ack(Instant now, StreamId stream);
  void on_user_message(Instant now, sctp::Message message);
  void set_open(Channel& channel);
  void on_reset(Instant now, StreamId stream);
  void on_restart();
  void shut(Channel& channel, Channel::State as);
  void begin_closing(Instant now, Channel& channel, bool by_peer);
  void finish_closing();
  void set_closed(Channel& channel);
  void refuse(Instant now, StreamId stream, const char* why, std::size_t size);
  std::optional<StreamId> unused_stream() const;
  void pay_debts(Instant now);
  bool is_of_peer(StreamId stream) const;
  const char* why_refused(StreamId stream, std::size_t open_size);
  void drop(Instant now, const char* why, std::size_t size) const;

  Options options_;
  bool even_streams_;
  sctp::Association& association_;
  Env env_;
  ChannelTable table_;           // bounded by max_channels and max_open_bytes
  std::optional<Message> held_;  // the next one for the owner; the others wait in the association
  std::uint32_t next_stream_;
  std::uint32_t opened_ = 0;  // so many were opened, ever
  std::size_t debts_ = 0;     // OPENs, ACKs and resets that the association had no room for
  std::size_t closing_ = 0;   // channels whose streams are being reset
  bool news_ = false;         // events may wait to be fetched
  bool ended_ = false, say_restarted_ = false;
};

}  // namespace esp_peer::datachannel
