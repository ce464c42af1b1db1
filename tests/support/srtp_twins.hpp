// Two SRTP backends that are given the same: what they seal must be the same bytes, what they open
// the same packets, and what one drops the other drops too.
#pragma once
#include <vector>

#include "rtp/packet.hpp"
#include "srtp/session.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::test {

class SrtpTwins {
 public:
  using Packet = std::vector<std::byte>;

  SrtpTwins(crypto::SrtpProfile profile, srtp::Backend& left, srtp::Backend& right)
      : exported_(make_keys(profile)),
        senders_{{profile, exported_, true, left, env_.env},
                 {profile, exported_, true, right, env_.env}},
        receivers_{{profile, exported_, false, left, env_.env},
                   {profile, exported_, false, right, env_.env}} {
    for (srtp::Session& sender : senders_) {
      agrees_ = agrees_ && sender.ok() && sender.allow_repeats(repeating, 100);
    }
    // [rfc3711#3.4] The first report has the index zero. libsrtp begins at one, which no receiver
    // can tell from a loss: the right one is led there.
    for (std::uint32_t ssrc = 1; ssrc <= sources; ++ssrc) {
      Packet report = rtcp(ssrc, 1);
      report.resize(report.size() + srtp::max_growth);
      senders_[1].seal_rtcp(report, report.size() - srtp::max_growth);
    }
  }

  // One step, as these bytes say; false when there were none left.
  bool step(Reader& in) {
    const unsigned what = in.u8();
    if (!in.ok()) return false;
    now_ += milliseconds(1);
    switch (what % 8) {
      case 0:
      case 1:
        send_rtp(1 + in.u8() % sources, in.u8(), in.u16());
        break;
      case 2:
        seal(rtcp(1 + in.u8() % sources, in.u8() % 100), true);
        break;
      case 3:
        again(in.u8());
        break;
      case 4:  // lost
        take(in.u8());
        break;
      case 5:  // arrives, and may do so once more
        if (const Packet* sealed = at(in.u8())) receive(*sealed);
        break;
      case 6:
        receive(take(in.u8()));
        break;
      default:
        bent(in.u8(), in.u16(), in.u8());
    }
    return true;
  }

  bool agrees() const { return agrees_; }
  std::uint64_t sealed() const { return sealed_; }
  std::uint64_t opened() const { return opened_; }
  std::uint64_t dropped() const { return dropped_; }

 private:
  static constexpr std::uint32_t sources = 4;
  static constexpr rtp::Ssrc repeating{1};
  static constexpr std::size_t most_on_the_way = 200, most_remembered = 150;

  static Packet make_keys(crypto::SrtpProfile profile) {
    Packet out(srtp::exported_size(profile));
    SeededRandom(42).fill_public(out);
    return out;
  }
  static Packet rtcp(std::uint32_t ssrc, std::size_t words) {
    Packet out(8 + 4 * words, std::byte(words));
    Writer w(out);
    w.u8(0x80);
    w.u8(201);
    w.u16(static_cast<std::uint16_t>(1 + words));
    w.u32(ssrc);
    return out;
  }

  // Numbers mostly go up by one, sometimes by many or back; sizes and headers are of any kind.
  void send_rtp(std::uint32_t ssrc, unsigned kind, unsigned number) {
    std::uint16_t& last = last_[ssrc - 1];
    const unsigned jump = kind % 16 == 0   ? number
                          : kind % 16 == 1 ? number % 2000
                          : kind % 16 == 2 ? 0u - number % 1200
                                           : 1;
    last = static_cast<std::uint16_t>(last + jump);
    const bool extended = kind / 16 % 4 == 1;
    const unsigned contributors = kind / 16 % 4 == 2 ? number % 16 : 0;
    const std::size_t size = number % 7 == 0 ? number % 1400 : number % 60;
    Packet packet(rtp::header_size + 4 * contributors + (extended ? 8 : 0) + size,
                  std::byte(number & 0xFF));
    Writer w(packet);
    w.u8(static_cast<std::uint8_t>(0x80 | contributors | (extended ? 0x10 : 0)));
    w.u8(96);
    w.u16(last);
    w.u32(number);
    w.u32(ssrc);
    w.zeros(4 * contributors);
    if (extended) {
      w.u16(0xBEDE);
      w.u16(1);
    }
    seal(packet, false);
    if (rtp::Ssrc{ssrc} != repeating) return;
    remembered_.push_back(packet);
    if (remembered_.size() > most_remembered) remembered_.erase(remembered_.begin());
  }
  // A packet once more; every third time another one with its number, which must not be sealed.
  void again(unsigned which) {
    if (remembered_.empty()) return;
    Packet packet = remembered_[which % remembered_.size()];
    if (which % 3 == 0) packet.back() ^= std::byte{1};
    seal(packet, false);
  }
  void seal(const Packet& packet, bool is_rtcp) {
    Packet rooms[2];
    for (int i = 0; i < 2; ++i) {
      rooms[i].assign(packet.begin(), packet.end());
      rooms[i].resize(packet.size() + srtp::max_growth);
      rooms[i].resize(is_rtcp ? senders_[i].seal_rtcp(rooms[i], packet.size())
                              : senders_[i].seal_rtp(rooms[i], packet.size()));
    }
    agrees_ = agrees_ && rooms[0] == rooms[1];
    if (rooms[0].empty()) return;
    ++sealed_;
    if (on_the_way_.size() < most_on_the_way) on_the_way_.push_back(rooms[0]);
  }
  Packet* at(std::size_t which) {
    return on_the_way_.empty() ? nullptr : &on_the_way_[which % on_the_way_.size()];
  }
  Packet take(std::size_t which) {
    Packet* const found = at(which);
    if (!found) return {};
    Packet packet = std::move(*found);
    on_the_way_.erase(on_the_way_.begin() + (found - on_the_way_.data()));
    return packet;
  }
  void bent(std::size_t which, unsigned place, unsigned how) {
    const Packet* const sealed = at(which);
    if (!sealed) return;
    Packet packet = *sealed;
    if (how % 4 == 0) packet.resize(place % (packet.size() + 1));
    if (how % 4 != 0) packet[place % packet.size()] ^= std::byte(1u << how % 8);
    receive(packet);
  }
  void receive(const Packet& packet) {
    if (packet.empty()) return;
    const bool is_rtcp = packet.size() > 1 && rtp::is_rtcp(packet);
    Packet rooms[2] = {packet, packet};
    for (int i = 0; i < 2; ++i) {
      const Bytes opened = is_rtcp ? receivers_[i].open_rtcp(now_, rooms[i])
                                   : receivers_[i].open_rtp(now_, rooms[i]);
      rooms[i].resize(opened.size());
    }
    agrees_ = agrees_ && rooms[0] == rooms[1];
    ++(rooms[0].empty() ? dropped_ : opened_);
  }

  TestEnv env_;
  Packet exported_;
  srtp::Session senders_[2], receivers_[2];
  Instant now_{};
  std::uint16_t last_[sources] = {65'500, 0, 32'767, 40'000};
  std::vector<Packet> on_the_way_, remembered_;
  bool agrees_ = true;
  std::uint64_t sealed_ = 0, opened_ = 0, dropped_ = 0;
};

}  // namespace esp_peer::test
