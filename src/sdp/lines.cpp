#include "sdp/lines.hpp"

namespace esp_peer::sdp {
namespace {

constexpr bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }

}  // namespace

std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  auto line = head(text, end);
  text.remove_prefix(end == text.npos ? text.size() : end + 1);
  while (!line.empty() && is_blank(line.back())) line.remove_suffix(1);
  return without_leading_blanks(line);
}

std::string_view take_word(std::string_view& text) {
  text = without_leading_blanks(text);
  std::size_t end = 0;
  while (end < text.size() && !is_blank(text[end])) ++end;
  const auto word = head(text, end);
  text.remove_prefix(end);
  return word;
}

std::string_view first_word(std::string_view text) { return take_word(text); }

bool begins_with_word(std::string_view text, std::string_view word) {
  return take_prefix(text, word) && (text.empty() || is_blank(text.front()));
}

bool has_word(std::string_view list, std::string_view wanted) {
  while (!list.empty()) {
    const auto word = take_word(list);
    if (!word.empty() && word == wanted) return true;
  }
  return false;
}

std::string_view head(std::string_view text, std::size_t n) {
  return {text.data(), n < text.size() ? n : text.size()};
}

bool take_prefix(std::string_view& text, std::string_view prefix) {
  if (head(text, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

bool take_prefix(std::string_view& text, const char* prefix) {
  return take_prefix(text, std::string_view(prefix));
}

std::string_view without_leading_blanks(std::string_view text) {
  while (!text.empty() && is_blank(text.front())) text.remove_prefix(1);
  return text;
}

bool is_printable(std::string_view text) {
  for (const char c : text) {
    if (c < ' ' || c > '~') return false;
  }
  return true;
}

std::optional<std::uint64_t> parse_clamped(std::string_view text, std::uint64_t max) {
  std::uint64_t value = 0;
  if (text.empty()) return std::nullopt;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    const auto digit = static_cast<std::uint64_t>(c - '0');
    const bool fits = value <= max / 10 && value * 10 <= max - digit;
    value = fits ? value * 10 + digit : max;
  }
  return value;
}

std::optional<std::uint32_t> parse_clamped_u32(std::string_view text) {
  const auto number = parse_clamped(text, 0xFFFF'FFFF);
  return number ? std::optional(static_cast<std::uint32_t>(*number)) : std::nullopt;
}

std::optional<std::uint16_t> parse_u16(std::string_view text) {
  const auto number = parse_clamped(text, 0x1'0000);
  if (!number || *number > 0xFFFF) return std::nullopt;
  return static_cast<std::uint16_t>(*number);
}

}  // namespace esp_peer::sdp
