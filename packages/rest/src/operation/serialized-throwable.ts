/**
 * Writes an `org.apache.flink.util.SerializedThrowable` in Java's serialization format. Flink's command line reads a failed
 * savepoint from nothing else: without it, it goes on asking until it gives up. Only writes; nothing here reads Java's format.
 */

export interface ThrowableText {
  readonly className: string
  readonly message: string
  readonly stackTrace: string
}

/** Base64, as the answers carry it. */
export function serializedThrowable({ className, message, stackTrace }: ThrowableText): string {
  const out = new JavaStream()
  out.hex('aced0005')
  out.byte(TC_OBJECT)
  // Handles count from 0: the class is 0, the type text of its first field 1.
  out.classOf('org.apache.flink.util.SerializedThrowable', '65169df51fa713f3', SC_SERIALIZABLE, [
    ['L', 'fullStringifiedStackTrace', 'Ljava/lang/String;'],
    ['L', 'originalErrorClassName', STRING_TYPE],
    ['[', 'serializedException', '[B'],
  ])
  out.classOf('java.lang.Exception', 'd0fd1f3e1a3b1cc4', SC_SERIALIZABLE, [])
  out.classOf('java.lang.Throwable', 'd5c635273977b8cb', SC_SERIALIZABLE | SC_WRITE_METHOD, [
    ['L', 'cause', 'Ljava/lang/Throwable;'],
    ['L', 'detailMessage', STRING_TYPE],
    ['[', 'stackTrace', '[Ljava/lang/StackTraceElement;'],
    ['L', 'suppressedExceptions', 'Ljava/util/List;'],
  ])
  out.byte(TC_NULL) // no further superclass
  // Throwable: no cause, the message, no frames, nothing suppressed.
  out.byte(TC_NULL)
  out.text(message)
  out.byte(TC_NULL)
  out.byte(TC_NULL)
  out.byte(TC_ENDBLOCKDATA)
  out.text(stackTrace)
  out.text(className)
  out.byte(TC_NULL) // the exception itself, which has no Java class
  return out.toBase64()
}

const TC_NULL = 0x70
const TC_REFERENCE = 0x71
const TC_CLASSDESC = 0x72
const TC_OBJECT = 0x73
const TC_STRING = 0x74
const TC_ENDBLOCKDATA = 0x78
const TC_LONGSTRING = 0x7c
const SC_WRITE_METHOD = 1
const SC_SERIALIZABLE = 2

/** The type of a field whose type text was written before, as handle 1. */
const STRING_TYPE = 1

type Field = readonly [kind: string, name: string, type: string | typeof STRING_TYPE]

const SHORT_TEXT_BYTES_MAX = 0xffff

class JavaStream {
  readonly #parts: Buffer[] = []

  byte(value: number): void {
    this.#parts.push(Buffer.from([value]))
  }

  hex(digits: string): void {
    this.#parts.push(Buffer.from(digits, 'hex'))
  }

  short(value: number): void {
    const bytes = Buffer.alloc(2)
    bytes.writeUInt16BE(value)
    this.#parts.push(bytes)
  }

  /** A text as an object of its own. */
  text(value: string): void {
    const bytes = modifiedUtf8(value)
    if (bytes.length <= SHORT_TEXT_BYTES_MAX) {
      this.byte(TC_STRING)
      this.short(bytes.length)
    } else {
      this.byte(TC_LONGSTRING)
      const length = Buffer.alloc(8)
      length.writeBigUInt64BE(BigInt(bytes.length))
      this.#parts.push(length)
    }
    this.#parts.push(bytes)
  }

  classOf(name: string, serialVersion: string, flags: number, fields: readonly Field[]): void {
    this.byte(TC_CLASSDESC)
    this.#name(name)
    this.hex(serialVersion)
    this.byte(flags)
    this.short(fields.length)
    for (const [kind, field, type] of fields) {
      this.byte(kind.charCodeAt(0))
      this.#name(field)
      if (type === STRING_TYPE) {
        this.byte(TC_REFERENCE)
        this.hex('007e')
        this.short(type)
      } else {
        this.text(type)
      }
    }
    this.byte(TC_ENDBLOCKDATA)
  }

  toBase64(): string {
    return Buffer.concat(this.#parts).toString('base64')
  }

  #name(name: string): void {
    const bytes = modifiedUtf8(name)
    this.short(bytes.length)
    this.#parts.push(bytes)
  }
}

/** Java's own UTF-8: zero takes two bytes, and each half of a surrogate pair three. */
function modifiedUtf8(text: string): Buffer {
  const bytes: number[] = []
  for (let at = 0; at < text.length; at++) {
    const unit = text.charCodeAt(at)
    if (unit >= 1 && unit < 0x80) bytes.push(unit)
    else if (unit < 0x800) bytes.push(0xc0 | (unit >> 6), 0x80 | (unit & 0x3f))
    else bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f))
  }
  return Buffer.from(bytes)
}
