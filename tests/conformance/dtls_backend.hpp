// What the tests of every DTLS backend stand on: two endpoints of one library, and records made by
// hand.
#pragma once
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/browser_hellos.hpp"
#include "tests/support/dtls_pair.hpp"

namespace esp_peer::test {

class DtlsBackend : public ::testing::TestWithParam<DtlsLibrary> {
 protected:
  const DtlsLibrary& library() const { return library_; }

  // A server that waits for a ClientHello.
  void wait_for_hello(DtlsPair& p) {
    ASSERT_TRUE(p.server.start(p.now, dtls::Role::server, p.client.identity->fingerprint()));
  }

 private:
  const DtlsLibrary library_ = GetParam();
};

inline Datagram record(int type, int epoch, std::uint64_t sequence, const Datagram& body) {
  Datagram out(13);
  Writer w(out);
  w.u8(static_cast<std::uint8_t>(type));
  w.u16(0xFEFD);
  w.u16(static_cast<std::uint16_t>(epoch));
  w.u16(static_cast<std::uint16_t>(sequence >> 32));
  w.u32(static_cast<std::uint32_t>(sequence));
  w.u16(static_cast<std::uint16_t>(body.size()));
  out.insert(out.end(), body.begin(), body.end());
  return out;
}
inline Datagram fragment(int type, std::uint32_t length, int message, std::uint32_t offset,
                         const Datagram& piece) {
  Datagram out(12);
  Writer w(out);
  w.u8(static_cast<std::uint8_t>(type));
  w.u24(length);
  w.u16(static_cast<std::uint16_t>(message));
  w.u24(offset);
  w.u24(static_cast<std::uint32_t>(piece.size()));
  out.insert(out.end(), piece.begin(), piece.end());
  return out;
}
// The records of a datagram.
inline std::vector<Datagram> records_of(const Datagram& datagram) {
  std::vector<Datagram> out;
  Reader r(datagram);
  while (r.remaining() >= 13) {
    Reader header(r.rest());
    header.skip(11);
    const Bytes whole = r.bytes(13u + header.u16());
    if (!r.ok()) break;
    out.emplace_back(whole.begin(), whole.end());
  }
  return out;
}
inline std::uint16_t epoch_of(const Datagram& one) {
  Reader r(one);
  r.skip(3);
  return r.u16();
}

}  // namespace esp_peer::test
