SELECT auction, window_end, COUNT(*) AS num
FROM TABLE(TUMBLE(TABLE bids, DESCRIPTOR(`dateTime`), ${size}))
GROUP BY auction, window_start, window_end
