SELECT auction, window_end, COUNT(*) AS num
FROM TABLE(HOP(TABLE bids, DESCRIPTOR(`dateTime`), ${slide}, ${size}))
GROUP BY auction, window_start, window_end
