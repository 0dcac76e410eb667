/** Data that JSON can carry without loss: what options, split payloads and positions are made of. */
export type PlainValue =
  | null
  | boolean
  | number
  | string
  | readonly PlainValue[]
  | { readonly [key: string]: PlainValue | undefined }
