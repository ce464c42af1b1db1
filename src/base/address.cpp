#include "base/address.hpp"

#include <algorithm>

namespace esp_peer {
namespace {

constexpr std::array<std::uint8_t, 12> mapped_prefix{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

// A decimal of 1 to 3 digits, at most 255, without a leading zero.
std::optional<std::uint8_t> take_octet(std::string_view& text) {
  unsigned value = 0;
  std::size_t digits = 0;
  while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') {
    if (digits == 3) return std::nullopt;
    value = value * 10 + static_cast<unsigned>(text[digits++] - '0');
  }
  if (digits == 0 || value > 255 || (digits > 1 && text[0] == '0')) return std::nullopt;
  text.remove_prefix(digits);
  return static_cast<std::uint8_t>(value);
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text.front() != c) return false;
  text.remove_prefix(1);
  return true;
}

std::optional<std::array<std::uint8_t, 4>> parse_v4(std::string_view text) {
  std::array<std::uint8_t, 4> octets{};
  for (std::size_t i = 0; i < 4; ++i) {
    if (i > 0 && !take(text, '.')) return std::nullopt;
    const auto octet = take_octet(text);
    if (!octet) return std::nullopt;
    octets[i] = *octet;
  }
  if (!text.empty()) return std::nullopt;
  return octets;
}

std::optional<unsigned> hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

std::optional<std::uint16_t> take_group(std::string_view& text) {
  unsigned value = 0;
  std::size_t digits = 0;
  while (digits < text.size()) {
    const auto digit = hex_digit(text[digits]);
    if (!digit) break;
    if (digits == 4) return std::nullopt;
    value = value << 4 | *digit;
    ++digits;
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return static_cast<std::uint16_t>(value);
}

// Eight groups, of which one run of zeros may be "::" and the last two may be dotted decimals
// [rfc4291#2.2].
std::optional<std::array<std::uint8_t, 16>> parse_v6(std::string_view text) {
  std::array<std::uint8_t, 16> ip{};
  std::size_t at = 0;
  std::optional<std::size_t> gap;
  if (text.starts_with("::")) {
    text.remove_prefix(2);
    gap = 0;
  }
  while (!text.empty()) {
    if (const auto dotted = at <= 12 ? parse_v4(text) : std::nullopt) {
      std::copy(dotted->begin(), dotted->end(), ip.begin() + static_cast<std::ptrdiff_t>(at));
      at += 4;
      text = {};
      break;
    }
    const auto group = take_group(text);
    if (!group || at + 2 > ip.size()) return std::nullopt;
    ip[at] = static_cast<std::uint8_t>(*group >> 8);
    ip[at + 1] = static_cast<std::uint8_t>(*group & 0xFF);
    at += 2;
    if (text.empty()) break;
    if (!take(text, ':') || text.empty()) return std::nullopt;
    if (take(text, ':')) {
      if (gap) return std::nullopt;
      gap = at;
    }
  }
  if (!gap) return at == ip.size() ? std::optional(ip) : std::nullopt;
  if (at == ip.size()) return std::nullopt;
  // What came behind the gap belongs at the end.
  std::array<std::uint8_t, 16> spread{};
  for (std::size_t i = 0; i < *gap; ++i) spread[i] = ip[i];
  for (std::size_t i = *gap; i < at; ++i) spread[ip.size() - at + i] = ip[i];
  return spread;
}

class TextBuilder {
 public:
  void put(char c) {
    if (size_ < max_ip_text) chars_[size_++] = c;
  }
  void number(unsigned value, unsigned base) {
    if (value >= base) number(value / base, base);
    put("0123456789abcdef"[value % base]);
  }
  IpText text() const {
    IpText t;
    t.assign({chars_, size_});
    return t;
  }

 private:
  char chars_[max_ip_text]{};
  std::size_t size_ = 0;
};

}  // namespace

bool Address::is_v4() const {
  return std::equal(mapped_prefix.begin(), mapped_prefix.end(), ip.begin());
}

bool Address::is_loopback() const {
  if (is_v4()) return ip[12] == 127;
  return ip[15] == 1 && std::all_of(ip.begin(), ip.end() - 1, [](auto b) { return b == 0; });
}

bool Address::is_link_local() const {
  if (is_v4()) return ip[12] == 169 && ip[13] == 254;
  return ip[0] == 0xFE && (ip[1] & 0xC0) == 0x80;
}

bool Address::is_unspecified() const {
  return std::all_of(ip.begin() + (is_v4() ? 12 : 0), ip.end(), [](auto b) { return b == 0; });
}

std::optional<Address> parse_ip(std::string_view text, std::uint16_t port) {
  if (const auto v4 = parse_v4(text)) {
    return Address::v4((*v4)[0], (*v4)[1], (*v4)[2], (*v4)[3], port);
  }
  if (const auto v6 = parse_v6(text)) return Address{*v6, port};
  return std::nullopt;
}

IpText ip_text(const Address& address) {
  TextBuilder out;
  if (address.is_v4()) {
    for (std::size_t i = 12; i < 16; ++i) {
      if (i > 12) out.put('.');
      out.number(address.ip[i], 10);
    }
    return out.text();
  }
  const auto group = [&](std::size_t i) {
    return static_cast<unsigned>(address.ip[2 * i] << 8 | address.ip[2 * i + 1]);
  };
  // [rfc5952#4.2] The longest run of two or more zero groups, the first one of equals.
  std::size_t gap = 8, gap_size = 1;
  for (std::size_t i = 0; i < 8; ++i) {
    std::size_t n = 0;
    while (i + n < 8 && group(i + n) == 0) ++n;
    if (n > gap_size) gap = i, gap_size = n;
  }
  for (std::size_t i = 0; i < 8; ++i) {
    if (i == gap) {
      out.put(':');
      if (gap + gap_size == 8) out.put(':');
      i += gap_size - 1;
      continue;
    }
    if (i > 0) out.put(':');
    out.number(group(i), 16);
  }
  return out.text();
}

}  // namespace esp_peer
