// Text in pieces: lines, words, numbers. For parsing what strangers wrote.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace esp_peer::sdp {

// The next line without its end (CRLF, LF, or none at the last one) and without blanks around it.
std::string_view take_line(std::string_view& text);

// The next blank-separated word; empty at the end.
std::string_view take_word(std::string_view& text);
std::string_view first_word(std::string_view text);
// Reads no further than the word is long.
bool begins_with_word(std::string_view text, std::string_view word);
// Whether `list`, blank-separated, has this word.
bool has_word(std::string_view list, std::string_view wanted);

// At most the first n characters; npos is all of them. (substr() would bring exceptions along.)
std::string_view head(std::string_view text, std::size_t n);
// True, and the rest is left, when `text` begins with `prefix`.
bool take_prefix(std::string_view& text, std::string_view prefix);
bool take_prefix(std::string_view& text, const char* prefix);  // literals need no length then
std::string_view without_leading_blanks(std::string_view text);

// Nothing but visible ASCII and spaces: what may be written into a description of ours.
bool is_printable(std::string_view text);

// Decimal digits and nothing else. A larger number than `max` is `max`.
std::optional<std::uint64_t> parse_clamped(std::string_view text, std::uint64_t max);
std::optional<std::uint32_t> parse_clamped_u32(std::string_view text);
// Nothing for a number that does not fit.
std::optional<std::uint16_t> parse_u16(std::string_view text);

}  // namespace esp_peer::sdp
