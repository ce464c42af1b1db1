// Two SRTP sessions over the backend under test, and the reference that both are compared with.
#pragma once
#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "rtp/packet.hpp"
#include "srtp/session.hpp"
#include "tests/support/srtp_reference.hpp"
#include "tests/support/test_env.hpp"

namespace esp_peer::test {

struct SrtpLibrary {
  const char* name;
  srtp::Backend& (*backend)();
  // Blocks that the library itself takes from the heap for one packet, at most, and gives back.
  long allocations_of_its_own = 0;
};
inline void PrintTo(const SrtpLibrary& library, std::ostream* out) { *out << library.name; }

inline constexpr crypto::SrtpProfile srtp_profiles[] = {crypto::SrtpProfile::aes128_cm_sha1_80,
                                                        crypto::SrtpProfile::aead_aes_128_gcm,
                                                        crypto::SrtpProfile::aead_aes_256_gcm};

inline SrtpBytes exported_keys(crypto::SrtpProfile profile, unsigned seed) {
  std::mt19937 random(seed);
  SrtpBytes out(srtp::exported_size(profile));
  for (std::byte& b : out) b = std::byte(random() & 0xFF);
  return out;
}
inline SrtpBytes rtp_packet(std::uint32_t ssrc, std::uint16_t sequence, std::size_t payload,
                            unsigned first = 0x80, std::size_t behind_header = 0) {
  SrtpBytes out(rtp::header_size + behind_header + payload, std::byte(sequence & 0xFF));
  Writer w(out);
  w.u8(static_cast<std::uint8_t>(first));
  w.u8(96);
  w.u16(sequence);
  w.u32(sequence * 160u);
  w.u32(ssrc);
  w.zeros(behind_header);
  return out;
}
inline SrtpBytes rtcp_packet(std::uint32_t ssrc, std::size_t words_behind_ssrc) {
  SrtpBytes out(8 + 4 * words_behind_ssrc, std::byte{0x5A});
  Writer w(out);
  w.u8(0x80);
  w.u8(201);
  w.u16(static_cast<std::uint16_t>(1 + words_behind_ssrc));
  w.u32(ssrc);
  return out;
}

// What the peer's session is to us, packet by packet.
class SrtpSide {
 public:
  SrtpSide(const SrtpLibrary& library, crypto::SrtpProfile profile, Bytes exported, bool client)
      : session(profile, exported, client, library.backend(), env.env) {
    EXPECT_TRUE(session.ok());
  }
  SrtpBytes seal_rtp(const SrtpBytes& packet) { return seal(packet, &srtp::Session::seal_rtp); }
  SrtpBytes seal_rtcp(const SrtpBytes& packet) { return seal(packet, &srtp::Session::seal_rtcp); }
  // Empty = dropped.
  SrtpBytes open_rtp(SrtpBytes packet) {
    const Bytes opened = session.open_rtp(at_ms(ms += 20), packet);
    return {opened.begin(), opened.end()};
  }
  SrtpBytes open_rtcp(SrtpBytes packet) {
    const Bytes opened = session.open_rtcp(at_ms(ms += 20), packet);
    return {opened.begin(), opened.end()};
  }
  std::uint64_t state() const {
    StateHash hash;
    session.hash_state(hash);
    return hash.value();
  }

  TestEnv env;
  srtp::Session session;
  std::int64_t ms = 0;

 private:
  using Seal = std::size_t (srtp::Session::*)(MutableBytes, std::size_t);
  SrtpBytes seal(const SrtpBytes& packet, Seal way) {
    SrtpBytes room(packet.size() + srtp::max_growth);
    copy_bytes(packet, room);
    room.resize((session.*way)(room, packet.size()));
    return room;
  }
};

// A client and a server that share keys, whose directions are also known to the reference.
struct SrtpPair {
  SrtpPair(const SrtpLibrary& library, crypto::SrtpProfile p, unsigned seed = 1)
      : profile(p),
        exported(exported_keys(p, seed)),
        client(library, p, exported, true),
        server(library, p, exported, false) {}
  SrtpReference of(bool client_direction) const {
    const std::size_t key = crypto::key_size(profile), salt = crypto::salt_size(profile);
    const Bytes all(exported);
    return {profile, all.subspan(client_direction ? 0 : key, key),
            all.subspan(2 * key + (client_direction ? 0 : salt), salt)};
  }

  crypto::SrtpProfile profile;
  SrtpBytes exported;
  SrtpSide client, server;
};

class SrtpBackend : public ::testing::TestWithParam<std::tuple<SrtpLibrary, crypto::SrtpProfile>> {
 protected:
  SrtpLibrary library() const { return std::get<0>(GetParam()); }
  crypto::SrtpProfile profile() const { return std::get<1>(GetParam()); }
  SrtpPair pair_{library(), profile()};
};

}  // namespace esp_peer::test
