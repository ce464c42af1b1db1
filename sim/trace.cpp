#include "sim/trace.hpp"

#include <cstdio>

#include "crypto/crc32.hpp"
#include "sim/timeline.hpp"

namespace esp_peer::sim {
namespace {

// Enough of a datagram to see what it is.
std::string_view kind_of(Bytes bytes) {
  if (bytes.empty()) return "empty";
  const auto first = std::to_integer<unsigned>(bytes[0]);
  if (first <= 3) return "STUN";
  if (first >= 20 && first <= 63) {
    switch (first) {
      case 20:
        return "DTLS change cipher spec";
      case 21:
        return "DTLS alert";
      case 22:
        return "DTLS handshake";
      case 23:
        return "DTLS data";
    }
    return "DTLS";
  }
  return "other";
}

}  // namespace

std::string text_of(const Address& address) {
  const auto ip = ip_text(address);
  const std::string text(ip.view());
  return (address.is_v4() ? text : "[" + text + "]") + ":" + std::to_string(address.port);
}

void Trace::datagram(Instant at, std::string_view who, std::string_view what, const Address& from,
                     const Address& to, Bytes bytes) {
  hash_.add(at);
  hash_.add(what);
  hash_.add(from);
  hash_.add(to);
  hash_.add(crypto::crc32c(bytes));
  if (!wanted_) return;
  begin_line(at, who, what);
  text_ += text_of(from) + " > " + text_of(to) + " " + std::string(kind_of(bytes)) + ", " +
           std::to_string(bytes.size()) + " bytes\n";
}

void Trace::note(Instant at, std::string_view who, std::string_view what, std::string_view more) {
  hash_.add(at);
  hash_.add(who);
  hash_.add(what);
  hash_.add(more);
  if (!wanted_) return;
  begin_line(at, who, what);
  text_ += std::string(more) + "\n";
}

void Trace::begin_line(Instant at, std::string_view who, std::string_view what) {
  char line[96];
  const double since = static_cast<double>((at - Timeline::beginning).count()) / 1e6;
  std::snprintf(line, sizeof(line), "%11.6f %-8.*s %-9.*s ", since, static_cast<int>(who.size()),
                who.data(), static_cast<int>(what.size()), what.data());
  text_ += line;
}

}  // namespace esp_peer::sim
