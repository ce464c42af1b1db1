// Text in pieces: lines, words, numbers. For parsing what strangers wrote.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace esp_peer::sdp {

// The next line, without its end, CRLF, LF or none at the last one.
inline std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  auto line = text.substr(0, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  return line;
}

// The next blank-separated word; empty at the end.
inline std::string_view take_word(std::string_view& text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  const auto end = text.find(' ');
  const auto word = text.substr(0, end);
  text.remove_prefix(word.size());
  return word;
}

// Decimal digits and nothing else. A larger number than fits is `max`.
inline std::optional<std::uint64_t> parse_number(std::string_view text, std::uint64_t max) {
  std::uint64_t value = 0;
  bool clamped = false;
  if (text.empty()) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    clamped = clamped || value > (max - digit) / 10;
    if (!clamped) value = value * 10 + digit;
  }
  return clamped ? max : value;
}

// True, and the rest is left, when `text` begins with `prefix`.
inline bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace esp_peer::sdp
