#include "sim/pair.hpp"

#include <algorithm>

#include "backends/mbedtls/backend.hpp"
#include "backends/mbedtls/provider.hpp"
#include "backends/openssl/backend.hpp"
#include "backends/openssl/provider.hpp"
#include "sim/virtual_openssl.hpp"

namespace esp_peer::sim {
namespace {

HostId add_host(World& world, Nat* nat, const std::string& name,
                const std::vector<Address>& addresses) {
  return nat ? world.network.add_host_behind(*nat, name, addresses)
             : world.network.add_host(name, addresses);
}

}  // namespace

std::string name_of(const Ciphers& ciphers) {
  constexpr const char* names[] = {"plain", "openssl", "mbedtls"};
  const std::string left = names[static_cast<std::size_t>(ciphers.left)];
  if (ciphers.left == ciphers.right) return left;
  return left + "_and_" + names[static_cast<std::size_t>(ciphers.right)];
}

bool Ear::said(peer::State state) const {
  return std::find(states.begin(), states.end(), state) != states.end();
}

Pair::Pair(World& world, const PairOptions& options)
    : world_(world), options_(options), plain_(openssl::provider(), Rng(world.peers.next())) {
  world.network.set_default_link(options.link);
  if (options_.left.name == options_.right.name) {
    options_.left.name = "left";
    options_.right.name = "right";
    options_.right.session.role = ice::Role::controlled;
  }
  if (options.cipher != Cipher::plain) follow_time(world);
  const HostId left_host =
      add_host(world, options.left_nat, options_.left.name, options.left_addresses);
  const HostId right_host =
      add_host(world, options.right_nat, options_.right.name, options.right_addresses);
  left = make_peer(left_host, options_.left, options.cipher.left);
  right = make_peer(right_host, options_.right, options.cipher.right);
  listen(*left);
  listen(*right);
}

std::unique_ptr<Peer> Pair::make_peer(HostId host, const PeerOptions& options, Cipher cipher) {
  crypto::Provider& crypto = cipher == Cipher::mbedtls ? mbedtls::provider() : openssl::provider();
  dtls::Backend& backend = cipher == Cipher::plain     ? static_cast<dtls::Backend&>(plain_)
                           : cipher == Cipher::openssl ? openssl::backend()
                                                       : mbedtls::backend();
  return std::make_unique<Peer>(world_, host, options, crypto, backend);
}

void Pair::connect() {
  static_cast<void>(right->connect());
  static_cast<void>(left->connect());
}

bool Pair::run_until_open(Duration patience) {
  return run_until([this] { return left->data_open() && right->data_open(); }, patience);
}

bool Pair::run_until(const std::function<bool()>& holds, Duration patience) {
  return world_.run_until(world_.time.now() + patience, holds);
}

Status Pair::send(Peer& from, std::string_view text, datachannel::StreamId stream,
                  datachannel::Kind kind) {
  return from.command([&](auto& session, Instant now) {
    return session.send_data(now, stream, kind, as_bytes(text));
  });
}

Status Pair::send_audio(Peer& from, std::uint32_t pts, std::string_view frame) {
  return from.command(
      [&](auto& session, Instant now) { return session.send_audio(now, pts, as_bytes(frame)); });
}

Status Pair::send_video(Peer& from, std::uint32_t pts, std::string_view frame) {
  return from.command(
      [&](auto& session, Instant now) { return session.send_video(now, pts, as_bytes(frame)); });
}

std::vector<std::string> Pair::texts(Peer& peer) {
  std::vector<std::string> texts;
  for (const auto& m : ear(peer).messages) texts.push_back(m.body);
  return texts;
}

void Pair::listen(Peer& peer) {
  peer.on_event = [this, &peer](const peer::Event& event) {
    hear(peer, event);
    if (on_event) on_event(peer, event);
  };
  peer.on_audio = [this, &peer](const peer::AudioFrame& frame) {
    ear(peer).frames.push_back({frame.pts, std::string(as_text(frame.payload.bytes()))});
  };
  peer.on_video = [this, &peer](const peer::VideoFrame& frame) {
    ear(peer).pictures.push_back({frame.pts, std::string(as_text(frame.data.bytes()))});
  };
  peer.on_message = [this, &peer](const datachannel::Message& message) {
    if (options_.keep_messages) {
      ear(peer).messages.push_back(
          {message.stream, message.kind, std::string(as_text(message.body.bytes()))});
    }
    if (on_message) on_message(peer, message);
  };
}

void Pair::hear(Peer& peer, const peer::Event& event) {
  Ear& heard = ear(peer);
  if (const auto* changed = std::get_if<peer::StateChanged>(&event)) {
    heard.states.push_back(changed->state);
  } else if (const auto* opened = std::get_if<peer::ChannelOpened>(&event)) {
    heard.opened.push_back(opened->stream);
  } else if (const auto* closed = std::get_if<peer::ChannelClosed>(&event)) {
    heard.closed.push_back(closed->stream);
  } else if (const auto* described = std::get_if<peer::AudioDescribed>(&event)) {
    heard.audio_described.push_back(described->audio);
  } else if (const auto* seen = std::get_if<peer::VideoDescribed>(&event)) {
    heard.video_described.push_back(seen->video);
  } else {
    heard.description = peer.session().local_description();
    signal(peer, heard.description);
  }
}

void Pair::signal(Peer& from, std::string sdp) {
  if (on_signal && !on_signal(from, sdp)) return;
  world_.time.after(options_.signalling_delay, [this, &from, sdp = std::move(sdp)] {
    if (other(from).alive()) static_cast<void>(other(from).hear_description(sdp));
  });
}

}  // namespace esp_peer::sim
