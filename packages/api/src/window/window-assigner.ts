/** Event-time windows: aligned intervals `[start, end)`. */

/** Epoch ms; `end` is exclusive. */
export interface TimeWindow {
  readonly start: number
  readonly end: number
}

/** Tumbling windows are sliding windows whose slide is their size. */
export interface WindowAssigner {
  readonly kind: 'tumbling' | 'sliding'
  readonly sizeMs: number
  readonly slideMs: number
  /** Shifts the window starts; 0 ≤ offset < slide. */
  readonly offsetMs: number
}
