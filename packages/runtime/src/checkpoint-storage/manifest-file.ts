/**
 * The file of a manifest, in the folder of a checkpoint or savepoint: it appears by a rename when its bytes and all names are
 * durable, and then its own name is made so.
 */
import type { FileSystem, WritableFile } from '@millrace/api'
import type { StepProbe } from './checkpoint-storage.ts'
import { allSettled } from './durable-files.ts'

export const MANIFEST_FILE = '_metadata'
export const TEMPORARY_FILE = '_metadata.tmp'

/** `makeNames`: makes durable under which names it will be found, and what it names; done before it appears. */
export async function publishManifest(
  files: FileSystem,
  folder: string,
  manifest: Uint8Array,
  { makeNames, probe }: { readonly makeNames: () => Promise<void>; readonly probe: StepProbe },
): Promise<void> {
  await probe('manifest:before-write')
  const writing = withNewFile(files, `${folder}/${TEMPORARY_FILE}`, async (file) => {
    await file.write(manifest)
    await probe('manifest:before-sync')
    await file.sync()
  })
  await allSettled([makeNames(), writing])
  await probe('manifest:before-rename')
  await files.rename(`${folder}/${TEMPORARY_FILE}`, `${folder}/${MANIFEST_FILE}`)
  await probe('manifest:before-folder-sync')
  await files.syncFolder(folder)
  await probe('manifest:after-folder-sync')
}

export async function withNewFile(
  files: FileSystem,
  path: string,
  fill: (file: WritableFile) => Promise<void>,
): Promise<void> {
  const file = await files.create(path)
  try {
    await fill(file)
  } finally {
    await file.close()
  }
}
