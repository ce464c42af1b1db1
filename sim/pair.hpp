// Two peers that signal to each other: the stage of most stories.
#pragma once
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sim/peer.hpp"
#include "sim/plain_dtls.hpp"

namespace esp_peer::sim {

enum class Cipher : std::uint8_t { plain, openssl, mbedtls };

// Of the left end, and of the right one. Plain ones understand each other alone.
struct Ciphers {
  constexpr Ciphers(Cipher both) : Ciphers(both, both) {}
  constexpr Ciphers(Cipher of_left, Cipher of_right) : left(of_left), right(of_right) {}
  friend bool operator==(const Ciphers&, const Ciphers&) = default;
  Cipher left, right;
};
std::string name_of(const Ciphers& ciphers);

// Each with itself, and the libraries with each other in both roles: the left end is the DTLS
// server.
inline constexpr Ciphers every_cipher[] = {Cipher::plain,
                                           Cipher::openssl,
                                           Cipher::mbedtls,
                                           {Cipher::openssl, Cipher::mbedtls},
                                           {Cipher::mbedtls, Cipher::openssl}};
inline constexpr auto real_ciphers = std::span(every_cipher).subspan(1);

struct PairOptions {
  Ciphers cipher = Cipher::plain;
  PeerOptions left{}, right{};  // left makes the offer unless told otherwise
  std::vector<Address> left_addresses{Address::v4(192, 0, 2, 1, 0)};
  std::vector<Address> right_addresses{Address::v4(192, 0, 2, 2, 0)};
  Nat *left_nat = nullptr, *right_nat = nullptr;
  LinkOptions link{};
  Duration signalling_delay = milliseconds(30);
  bool keep_messages = true;  // in the ears
};

struct HeardMessage {
  datachannel::StreamId stream;
  datachannel::Kind kind;
  std::string body;
};

struct HeardFrame {
  std::uint32_t pts;
  std::string body;
  friend bool operator==(const HeardFrame&, const HeardFrame&) = default;
};

// What an application of a story has heard.
struct Ear {
  std::vector<peer::State> states;
  std::vector<datachannel::StreamId> opened, closed;
  std::vector<HeardMessage> messages;
  std::string description;
  std::vector<peer::AudioOptions> audio_described;
  std::vector<HeardFrame> frames;
  std::vector<peer::VideoOptions> video_described;
  std::vector<HeardFrame> pictures;

  bool said(peer::State state) const;
};

class Pair {
 public:
  Pair(World& world, const PairOptions& options);

  // Both begin; descriptions travel between them.
  void connect();
  bool run_until_open(Duration patience = seconds(60));
  bool run_until(const std::function<bool()>& holds, Duration patience = seconds(60));
  void run_for(Duration duration) { world_.time.run_for(duration); }

  // Sees a description before it travels: may change it; false keeps it from travelling.
  std::function<bool(Peer& from, std::string&)> on_signal;
  // An application beside the ears.
  std::function<void(Peer&, const peer::Event&)> on_event;
  std::function<void(Peer&, const datachannel::Message&)> on_message;

  Peer& other(Peer& peer) { return &peer == left.get() ? *right : *left; }
  const PlainDtls& plain_dtls() const { return plain_; }
  PlainDtls& plain_dtls() { return plain_; }
  Ear& ear(Peer& peer) { return &peer == left.get() ? left_ear : right_ear; }
  Status send(Peer& from, std::string_view text, datachannel::StreamId stream = {},
              datachannel::Kind kind = datachannel::Kind::string);
  Status send_audio(Peer& from, std::uint32_t pts, std::string_view frame);
  Status send_video(Peer& from, std::uint32_t pts, std::string_view frame);
  // Messages that came to a peer, as text.
  std::vector<std::string> texts(Peer& peer);

 private:
  std::unique_ptr<Peer> make_peer(HostId host, const PeerOptions& options, Cipher cipher);
  void listen(Peer& peer);
  void hear(Peer& peer, const peer::Event& event);
  void signal(Peer& from, std::string sdp);

  World& world_;
  PairOptions options_;
  PlainDtls plain_;

 public:
  Ear left_ear, right_ear;
  std::unique_ptr<Peer> left, right;
};

}  // namespace esp_peer::sim
