#include "sim/pcap.hpp"

#include <array>
#include <cstdio>
#include <span>

namespace esp_peer::sim {
namespace {

constexpr std::uint32_t magic = 0xA1B2C3D4;   // microseconds, in the byte order of the writer
constexpr std::uint32_t link_type_raw = 101;  // packets begin with their IP header
constexpr std::size_t snap_length = 65'535;
constexpr std::uint8_t udp = 17;

// [rfc1071] The sum of 16-bit words, for IPv4's header and for UDP in IPv6.
std::uint16_t internet_checksum(Bytes bytes, std::uint32_t sum = 0) {
  Reader in(bytes);
  while (in.remaining() >= 2) sum += in.u16();
  if (in.remaining() == 1) sum += static_cast<std::uint32_t>(in.u8()) << 8;
  while (sum >> 16) sum = (sum & 0xFFFF) + (sum >> 16);
  return static_cast<std::uint16_t>(~sum);
}

std::string packet(const Address& from, const Address& to, Bytes payload) {
  std::string out(48 + payload.size(), '\0');
  Writer w(std::as_writable_bytes(std::span(out)));
  const auto udp_size = static_cast<std::uint16_t>(8 + payload.size());
  const auto ip_of = [](const Address& a) { return std::as_bytes(std::span(a.ip)); };
  const bool v4 = from.is_v4();
  if (v4) {
    w.u32(0x45000000u | (20u + udp_size));
    w.u32(0x00004000);  // don't fragment
    w.u8(64);
    w.u8(udp);
    w.u16(0);
    w.bytes(ip_of(from).subspan(12));
    w.bytes(ip_of(to).subspan(12));
    w.patch_u16(10, internet_checksum(w.written()));
  } else {
    w.u32(0x60000000);
    w.u16(udp_size);
    w.u8(udp);
    w.u8(64);
    w.bytes(ip_of(from));
    w.bytes(ip_of(to));
  }
  const std::size_t header = w.size();
  w.u16(from.port);
  w.u16(to.port);
  w.u16(udp_size);
  w.u16(0);  // [rfc768] no checksum: IPv4 allows it
  w.bytes(payload);
  if (!v4) {
    // [rfc8200#8.1] The addresses, the length and the protocol belong to the sum.
    const auto sum = internet_checksum(w.written().subspan(8), std::uint32_t{udp} + udp_size);
    w.patch_u16(header + 6, sum == 0 ? 0xFFFF : sum);
  }
  out.resize(w.size());
  return out;
}

template <class T>
void append(std::string& to, T value) {
  to.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

}  // namespace

Pcap::Pcap() {
  append(file_, magic);
  append(file_, std::uint16_t{2});
  append(file_, std::uint16_t{4});
  append(file_, std::uint64_t{0});
  append(file_, static_cast<std::uint32_t>(snap_length));
  append(file_, link_type_raw);
}

void Pcap::add(Instant at, const Address& from, const Address& to, Bytes payload) {
  const auto us = at.time_since_epoch().count();
  const std::string bytes = packet(from, to, payload);
  append(file_, static_cast<std::uint32_t>(us / 1'000'000));
  append(file_, static_cast<std::uint32_t>(us % 1'000'000));
  append(file_, static_cast<std::uint32_t>(bytes.size()));
  append(file_, static_cast<std::uint32_t>(bytes.size()));
  file_ += bytes;
}

bool Pcap::write(const std::string& path) const {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (!file) return false;
  const bool whole = std::fwrite(file_.data(), 1, file_.size(), file) == file_.size();
  return std::fclose(file) == 0 && whole;
}

}  // namespace esp_peer::sim
