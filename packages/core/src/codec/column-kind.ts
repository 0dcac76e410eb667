/**
 * How the values of one column are written; the first byte of a column. A column of n values takes at least n bytes,
 * so that a damaged count cannot ask for more memory than the message justifies.
 */

/** Any values, one after the other, through the message's `ValueEncoder`. */
export const COLUMN_GENERAL = 0
/** Integers as distances from their minimum: zigzag minimum, bytes per distance (1, 2, 4) | `INT32`, distances. */
export const COLUMN_INTEGER = 1
/** Every value of the integer column is a 32-bit one. */
export const INT32 = 0x80
export const COLUMN_FLOAT64 = 2
/** One byte each. */
export const COLUMN_BOOLEAN = 3
/** Bytes per length (1, 2, 4), lengths, then the units of all strings, one byte each. */
export const COLUMN_LATIN1 = 4
/** The same with two bytes per unit. */
export const COLUMN_UTF16 = 5
/**
 * By a dictionary of the channel: its id, count of its entries so far and of those that are added, these as a column of strings;
 * then bytes per number (1, 2) and numbers of the values, all bits set for a string that is not in it; last those, if
 * any, as a column of strings.
 */
export const COLUMN_DICTIONARY = 6
export const COLUMN_BIGINT64 = 7
/** Plain objects of one shape: count of properties, their names, one column per property. */
export const COLUMN_STRUCT = 8
/** Presence of each value (a byte: value, null or undefined), then a column of those that are there, if any. */
export const COLUMN_NULLABLE = 9
/** Count of groups, the group of each value (a byte), then count and column of each group. */
export const COLUMN_MIXED = 10

export const PRESENT = 0
export const PRESENT_NULL = 1
export const PRESENT_UNDEFINED = 2

/** Objects within objects are split into columns down to this depth; what lies deeper is written as whole values. */
export const COLUMN_DEPTH_MAX = 4
export const GROUPS_MAX = 32
