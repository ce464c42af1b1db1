#include "peer/data_session.hpp"

namespace esp_peer::peer {

DataSession::DataSession(const DataOptions& options, crypto::Provider& crypto, Env env)
    : options_(options),
      association_(options.sctp, crypto, env),
      channels_({.max_message_size = options.max_message_size}, options.dtls_client, association_,
                env) {}

void DataSession::connect(Instant now) {
  // Both ends connect at once: whoever finishes DTLS first saves the other a round trip, and a
  // collision is an ordinary start [rfc9260#5.2.1].
  static_cast<void>(association_.connect(now));
}

Result<sctp::StreamId> DataSession::create(Instant now,
                                           const datachannel::ChannelOptions& options) {
  if (!connected_) return Error{Errc::wrong_state, "no association"};
  return channels_.open(now, options);
}

Status DataSession::close(Instant now, std::string_view label) {
  return channels_.close(now, label);
}

Status DataSession::send(Instant now, sctp::StreamId stream, datachannel::Kind kind,
                         Bytes message) {
  if (!channels_.is_open(stream)) {
    const auto first = channels_.first_open();
    if (!connected_ || !first) return Error{Errc::wrong_state, "no channel is open"};
    if (stream == sctp::StreamId{0}) stream = *first;
  }
  return channels_.send(now, stream, kind, message);
}

void DataSession::abort(Instant now) {
  association_.abort(now);
  end(false);
}

void DataSession::leave(Instant now) {
  abort(now);
  channels_.end(now);
}

void DataSession::on_packet(Instant now, Bytes packet) {
  association_.on_packet(now, packet);
  channels_.process(now);
}

void DataSession::on_deadline(Instant now) {
  association_.on_deadline(now);
  channels_.process(now);
}

std::size_t DataSession::write_packet(Instant now, MutableBytes out) {
  return association_.write_packet(now, out);
}

std::optional<DataSession::Event> DataSession::poll_event(Instant now) {
  while (const auto event = association_.poll_event()) {
    if (std::holds_alternative<sctp::Connected>(*event)) {
      connected_ = say_connected_ = true;
      open_automatic_channel(now);
    } else if (const auto* aborted = std::get_if<sctp::Aborted>(&*event)) {
      end(aborted->by_peer);
    } else if (std::holds_alternative<sctp::Closed>(*event)) {
      end(true);  // we never shut down
    } else {
      channels_.process(now);
    }
  }
  if (std::exchange(say_connected_, false)) return Event{Event::Kind::connected, {}};
  while (true) {
    channels_.process(now);
    const bool all_is_read = !channels_.has_message();
    if (ended_ && all_is_read) channels_.end(now);
    const auto event = channels_.poll_event();
    if (!event) {
      if (!say_end_ || !all_is_read) return std::nullopt;
      return Event{*std::exchange(say_end_, std::nullopt), {}, ended_by_peer_};
    }
    if (const auto* opened = std::get_if<datachannel::Opened>(&*event)) {
      return Event{Event::Kind::opened, opened->stream};
    }
    if (const auto* closed = std::get_if<datachannel::ChannelClosed>(&*event)) {
      return Event{Event::Kind::closed, closed->stream};
    }
    open_automatic_channel(now);  // the peer has begun anew, and waits for it as it did before
  }
}

std::optional<datachannel::Message> DataSession::read_message(Instant now) {
  channels_.process(now);
  return channels_.read_message(now);
}

DataStats DataSession::stats() const {
  return {association_.buffered(), channels_.size(), association_.round_trip()};
}

void DataSession::hash_state(StateHash& hash) const {
  association_.hash_state(hash);
  channels_.hash_state(hash);
  hash.add(connected_);
}

void DataSession::open_automatic_channel(Instant now) {
  if (!options_.automatic_channel || !options_.dtls_client) return;
  static_cast<void>(channels_.open(now, {.label = automatic_label, .protocol = ""}));
}

void DataSession::end(bool by_peer) {
  if (std::exchange(ended_, true)) return;
  say_end_ = connected_ ? Event::Kind::disconnected : Event::Kind::failed;
  ended_by_peer_ = by_peer;
  connected_ = false;
}

}  // namespace esp_peer::peer
