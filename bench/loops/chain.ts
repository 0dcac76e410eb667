/** What the chain does, written by hand. */
import process from 'node:process'
import { isDear, isWanted, numberOfTaxed, orderAt, price, tax } from '../jobs/chain-steps.ts'
import { printMeasured } from '../measured-process.ts'

const events = Number(process.argv[2])
let records = 0
let sum = 0
for (let index = 0; index < events; index++) {
  const order = orderAt(index)
  if (!isWanted(order)) continue
  const priced = price(order)
  if (!isDear(priced)) continue
  records++
  sum += numberOfTaxed(tax(priced))
}
printMeasured({ records, sum })
