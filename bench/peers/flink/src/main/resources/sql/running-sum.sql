SELECT auction, SUM(price) AS total FROM bids GROUP BY auction
