#include "ice/candidate.hpp"

#include <algorithm>

namespace esp_peer::ice {
namespace {

constexpr std::string_view type_names[] = {"host", "srflx", "prflx", "relay"};

std::string_view take_token(std::string_view& text) {
  const auto begin = std::min(text.find_first_not_of(" \t"), text.size());
  text.remove_prefix(begin);
  const auto end = std::min(text.find_first_of(" \t\r\n"), text.size());
  const auto token = text.substr(0, end);
  text.remove_prefix(end);
  return token;
}

std::optional<std::uint32_t> number(std::string_view text, std::uint32_t max) {
  std::uint64_t value = 0;
  if (text.empty() || text.size() > 10) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (value > max) return std::nullopt;
  return static_cast<std::uint32_t>(value);
}

bool same_word(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(), [](char a, char b) {
    return (a >= 'A' && a <= 'Z' ? static_cast<char>(a + 32) : a) == b;
  });
}

std::optional<CandidateType> type_of(std::string_view name) {
  for (std::size_t i = 0; i < std::size(type_names); ++i) {
    if (name == type_names[i]) return static_cast<CandidateType>(i);
  }
  return std::nullopt;
}

// Checks go to one host each: a flood could be made of the others.
bool is_one_host(const Address& address) {
  if (address.is_unspecified()) return false;
  const std::uint8_t first = address.is_v4() ? address.ip[12] : address.ip[0];
  return address.is_v4() ? first < 224 : first != 0xFF;
}

class Line {
 public:
  Line& operator<<(std::string_view text) {
    for (const char c : text) {
      if (size_ < sizeof(chars_)) chars_[size_++] = c;
    }
    return *this;
  }
  Line& operator<<(std::uint32_t value) {
    char digits[10];
    std::size_t n = 0;
    do digits[n++] = static_cast<char>('0' + value % 10);
    while ((value /= 10) != 0);
    while (n != 0) *this << std::string_view(&digits[--n], 1);
    return *this;
  }
  std::string_view view() const { return {chars_, size_}; }

 private:
  char chars_[200];
  std::size_t size_ = 0;
};

}  // namespace

std::uint32_t candidate_priority(CandidateType type, std::uint16_t local_preference,
                                 std::uint8_t component) {
  constexpr std::uint32_t type_preference[] = {126, 100, 110, 0};  // [rfc8445#5.1.2.2]
  return type_preference[static_cast<std::size_t>(type)] << 24 |
         static_cast<std::uint32_t>(local_preference) << 8 | (256u - component);
}

Result<Candidate> parse_candidate(std::string_view line) {
  constexpr Error bad{Errc::bad_data, "not a candidate line"};
  for (const std::string_view prefix : {"a=", "candidate:"}) {
    if (line.starts_with(prefix)) line.remove_prefix(prefix.size());
  }
  Candidate c;
  const auto foundation = take_token(line);
  const auto component = number(take_token(line), 256);
  const auto transport = take_token(line);
  const auto priority = number(take_token(line), 0x7FFF'FFFF);
  const auto host = take_token(line);
  const auto port = number(take_token(line), 0xFFFF);
  if (take_token(line) != "typ") return bad;
  const auto type_name = take_token(line);
  const auto type = type_of(type_name);
  if (foundation.empty() || !c.foundation.assign(foundation)) return bad;
  if (!component || *component == 0 || !priority || !port) return bad;
  if (host.empty() || type_name.empty()) return bad;
  if (!type) return Error{Errc::unsupported, "a candidate of another type"};

  const auto address = parse_ip(host, static_cast<std::uint16_t>(*port));
  if (!address) return Error{Errc::unsupported, "a candidate with a name"};
  if (*component != 1) return Error{Errc::unsupported, "a candidate of another component"};
  if (!same_word(transport, "udp")) return Error{Errc::unsupported, "no UDP candidate"};
  if (*port == 0 || !is_one_host(*address)) return bad;
  c.type = *type;
  c.priority = *priority;
  c.address = *address;
  return c;
}

Result<Candidate> default_candidate(const Address& destination) {
  if (destination.port == 0 || !is_one_host(destination)) {
    return Error{Errc::bad_data, "no address of one host"};
  }
  Candidate c;
  c.priority = candidate_priority(c.type, 65535, c.component);
  c.address = destination;
  c.foundation.assign("default");
  return c;
}

CandidateText candidate_text(const Candidate& c) {
  Line line;
  line << "candidate:" << c.foundation.view() << " " << c.component
       << (c.transport == Transport::udp ? " udp " : " tcp ") << c.priority << " "
       << ip_text(c.address).view() << " " << c.address.port << " typ "
       << type_names[static_cast<std::size_t>(c.type)];
  if (c.type != CandidateType::host) {
    line << " raddr " << ip_text(c.base).view() << " rport " << c.base.port;
  }
  CandidateText text;
  text.assign(line.view());
  return text;
}

}  // namespace esp_peer::ice
