-- As the public text, but for the end of a window, which belongs to the next one: the join is by price, and the time is a
-- condition beside it.
SELECT B.auction, B.bidder, B.price, B.`dateTime`, B.extra
FROM bid B
JOIN (
  SELECT MAX(price) AS maxprice, window_end
  FROM TABLE(TUMBLE(TABLE bid, DESCRIPTOR(`dateTime`), INTERVAL '10' SECOND))
  GROUP BY window_start, window_end
) B1
ON B.price = B1.maxprice
WHERE B.`dateTime` >= B1.window_end - INTERVAL '10' SECOND AND B.`dateTime` < B1.window_end
