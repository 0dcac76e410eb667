SELECT auction, bidder, cents / 50 AS fee, `dateTime`
FROM (SELECT auction, bidder, price * 908 / 1000 AS cents, `dateTime` FROM bids WHERE price >= 1000)
